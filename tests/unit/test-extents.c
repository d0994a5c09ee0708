// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Extents of a file for a diff area: which are taken, which refused.
 */
#include "unit.h"

#include "fiemap.h"

#include <errno.h>
#include <stdlib.h>

static int take(const struct fiemap_extent *extents, size_t count, struct vss_list *list)
{
	uint64_t logical = 0;
	const char *why = NULL;
	int ret = 0;

	*list = (struct vss_list) { .item_size = sizeof(struct vss_kernel_extent) };
	for (size_t i = 0; !ret && i < count; i++)
		ret = vss_fiemap_take(list, &extents[i], &logical, &why);
	assert_int_equal(!!ret, !!why);
	return ret;
}

static void takes_good_ones(void **state)
{
	static const struct fiemap_extent extents[] = {
		{ .fe_logical = 0, .fe_physical = 1 << 20, .fe_length = 8192,
		  .fe_flags = FIEMAP_EXTENT_UNWRITTEN },
		{ .fe_logical = 8192, .fe_physical = 4096, .fe_length = 4096,
		  .fe_flags = FIEMAP_EXTENT_MERGED },
		{ .fe_logical = 12288, .fe_physical = 1 << 30, .fe_length = 4096,
		  .fe_flags = FIEMAP_EXTENT_UNWRITTEN | FIEMAP_EXTENT_LAST },
	};
	const struct vss_kernel_extent *e;
	struct vss_list list;

	(void)state;
	assert_int_equal(take(extents, COUNT(extents), &list), 0);
	assert_int_equal(list.count, 3);
	e = list.items;
	assert_int_equal(e[0].start, 1 << 20);
	assert_int_equal(e[0].length, 8192);
	assert_int_equal(e[2].start, 1 << 30);
	free(list.items);
}

static void joins_neighbours(void **state)
{
	static const struct fiemap_extent extents[] = {
		{ .fe_logical = 0, .fe_physical = 1 << 20, .fe_length = 8192 },
		{ .fe_logical = 8192, .fe_physical = (1 << 20) + 8192, .fe_length = 4096,
		  .fe_flags = FIEMAP_EXTENT_UNWRITTEN },
		/* Just before the first one: not joined. */
		{ .fe_logical = 12288, .fe_physical = (1 << 20) - 4096, .fe_length = 4096 },
	};
	const struct vss_kernel_extent *e;
	struct vss_list list;

	(void)state;
	assert_int_equal(take(extents, COUNT(extents), &list), 0);
	assert_int_equal(list.count, 2);
	e = list.items;
	assert_int_equal(e[0].length, 12288);
	free(list.items);
}

static void refuses_flags(void **state)
{
	static const uint32_t flags[] = {
		FIEMAP_EXTENT_UNKNOWN, FIEMAP_EXTENT_DELALLOC | FIEMAP_EXTENT_UNKNOWN,
		FIEMAP_EXTENT_DELALLOC, FIEMAP_EXTENT_ENCODED, FIEMAP_EXTENT_DATA_ENCRYPTED,
		FIEMAP_EXTENT_NOT_ALIGNED, FIEMAP_EXTENT_DATA_INLINE, FIEMAP_EXTENT_DATA_TAIL,
		FIEMAP_EXTENT_SHARED, FIEMAP_EXTENT_SHARED | FIEMAP_EXTENT_LAST,
	};
	struct vss_list list;

	(void)state;
	for (size_t i = 0; i < COUNT(flags); i++) {
		const struct fiemap_extent extent = {
			.fe_physical = 1 << 20, .fe_length = 4096, .fe_flags = flags[i],
		};

		assert_int_equal(take(&extent, 1, &list), -EOPNOTSUPP);
		assert_int_equal(list.count, 0);
		free(list.items);
	}
}

static void refuses_holes(void **state)
{
	static const struct fiemap_extent late[] = {
		{ .fe_logical = 4096, .fe_physical = 1 << 20, .fe_length = 4096 },
	};
	static const struct fiemap_extent gap[] = {
		{ .fe_logical = 0, .fe_physical = 1 << 20, .fe_length = 4096 },
		{ .fe_logical = 8192, .fe_physical = 2 << 20, .fe_length = 4096 },
	};
	static const struct fiemap_extent overlap[] = {
		{ .fe_logical = 0, .fe_physical = 1 << 20, .fe_length = 8192 },
		{ .fe_logical = 4096, .fe_physical = 2 << 20, .fe_length = 8192 },
	};
	static const struct fiemap_extent empty[] = {
		{ .fe_logical = 0, .fe_physical = 1 << 20, .fe_length = 0 },
	};
	struct vss_list list;

	(void)state;
	assert_int_equal(take(late, COUNT(late), &list), -EOPNOTSUPP);
	free(list.items);
	assert_int_equal(take(gap, COUNT(gap), &list), -EOPNOTSUPP);
	free(list.items);
	assert_int_equal(take(overlap, COUNT(overlap), &list), -EOPNOTSUPP);
	free(list.items);
	assert_int_equal(take(empty, COUNT(empty), &list), -EOPNOTSUPP);
	free(list.items);
}

static void refuses_odd_addresses(void **state)
{
	static const struct fiemap_extent odd[] = {
		{ .fe_physical = 100, .fe_length = 4096 },
		{ .fe_physical = 4096, .fe_length = 1000 },
		{ .fe_physical = UINT64_MAX - 511, .fe_length = 4096 },
	};
	struct vss_list list;

	(void)state;
	for (size_t i = 0; i < COUNT(odd); i++) {
		assert_int_equal(take(&odd[i], 1, &list), -EOPNOTSUPP);
		free(list.items);
	}
}

static void grows(void **state)
{
	struct vss_list list = { .item_size = sizeof(uint32_t) };

	(void)state;
	for (uint32_t i = 0; i < 1000; i++) {
		uint32_t *item = vss_list_add(&list);

		assert_non_null(item);
		assert_int_equal(*item, 0);
		*item = i;
	}
	for (uint32_t i = 0; i < 1000; i++)
		assert_int_equal(((uint32_t *)list.items)[i], i);
	free(list.items);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_good_ones),
		cmocka_unit_test(joins_neighbours),
		cmocka_unit_test(refuses_flags),
		cmocka_unit_test(refuses_holes),
		cmocka_unit_test(refuses_odd_addresses),
		cmocka_unit_test(grows),
	};

	return cmocka_run_group_tests_name("extents", tests, NULL, NULL);
}
