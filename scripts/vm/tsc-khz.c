// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Prints the frequency of this machine's time stamp counter in kHz, which is also that
 * of an emulated machine: QEMU hands the counter through. Fails where the counter is not
 * fit to be a clock, or a measurement is not repeatable.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if defined(__x86_64__)

#include <cpuid.h>
#include <x86intrin.h>

struct instant {
	uint64_t tsc;
	uint64_t ns;
};

/* Both clocks at one time: the closest of several attempts. */
static struct instant now(void)
{
	struct instant best = { 0 };
	uint64_t width = UINT64_MAX;

	for (int i = 0; i < 50; i++) {
		struct timespec t;
		uint64_t before = __rdtsc(), after;

		clock_gettime(CLOCK_MONOTONIC_RAW, &t);
		after = __rdtsc();
		if (after - before >= width)
			continue;
		width = after - before;
		best.tsc = before + width / 2;
		best.ns = (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
	}
	return best;
}

static uint64_t khz_between(struct instant a, struct instant b)
{
	return (uint64_t)((double)(b.tsc - a.tsc) * 1e6 / (double)(b.ns - a.ns) + 0.5);
}

/* It goes on at the same pace whatever the processor does. */
static int is_constant(void)
{
	unsigned int a, b, c, d;

	return __get_cpuid(0x80000007, &a, &b, &c, &d) && (d & 1 << 8);
}

int main(void)
{
	const struct timespec pause = { .tv_nsec = 150000000 };
	struct instant t[3];
	uint64_t first, second, both;

	if (!is_constant()) {
		fprintf(stderr, "the time stamp counter is no clock here\n");
		return EXIT_FAILURE;
	}
	for (size_t i = 0; i < 3; i++) {
		if (i)
			nanosleep(&pause, NULL);
		t[i] = now();
	}
	first = khz_between(t[0], t[1]);
	second = khz_between(t[1], t[2]);
	both = khz_between(t[0], t[2]);
	/* A part in 20,000 */
	if (llabs((long long)(first - second)) > (long long)(both / 20000)) {
		fprintf(stderr, "%llu and then %llu kHz\n", (unsigned long long)first,
			(unsigned long long)second);
		return EXIT_FAILURE;
	}
	printf("%llu\n", (unsigned long long)both);
	return EXIT_SUCCESS;
}

#else

int main(void)
{
	fprintf(stderr, "no time stamp counter that is known here\n");
	return EXIT_FAILURE;
}

#endif
