/* SPDX-License-Identifier: GPL-2.0-only */
#include <linux/types.h>

/* Any hash that mixes well serves. */
static inline u32 jhash_1word(u32 a, u32 initval)
{
	a += initval;
	a = (a ^ 61) ^ (a >> 16);
	a *= 9;
	a ^= a >> 4;
	a *= 0x27d4eb2d;
	return a ^ (a >> 15);
}
