// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hog MIB SEED: uses that much memory until SIGTERM, and fails if it ever finds other
 * content than it has put there. With less memory than that most of it is in swap.
 *
 * Each round goes over all pages, looks at what a page holds and gives it new content.
 * After the first round the line "ready" is printed, in the end the number of rounds.
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define PAGE	4096U
#define WORDS	(PAGE / sizeof(uint64_t))

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

/* One word, from which those of the page follow; no page ever holds it twice. */
static uint64_t first_word(uint64_t seed, uint64_t page, uint64_t round)
{
	return (seed << 56) ^ (round << 32) ^ page ^ 0x9e3779b97f4a7c15ULL;
}

static void put(uint64_t *words, uint64_t word)
{
	for (size_t i = 0; i < WORDS; i++)
		words[i] = word * (2 * i + 1);
}

static int holds(const uint64_t *words, uint64_t word)
{
	for (size_t i = 0; i < WORDS; i++)
		if (words[i] != word * (2 * i + 1))
			return 0;
	return 1;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal };
	uint64_t pages, seed, round;
	uint64_t *memory;

	if (argc != 3) {
		fputs("usage: hog MIB SEED\n", stderr);
		return 2;
	}
	pages = strtoull(argv[1], NULL, 10) << 20 >> 12;
	seed = strtoull(argv[2], NULL, 10);
	memory = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!pages || memory == MAP_FAILED) {
		perror("hog");
		return 2;
	}
	sigaction(SIGTERM, &action, NULL);
	for (round = 0; !stop; round++) {
		for (uint64_t page = 0; page < pages && (!stop || !round); page++) {
			uint64_t *words = memory + page * WORDS;

			if (round && !holds(words, first_word(seed, page, round - 1))) {
				fprintf(stderr, "hog: page %llu has wrong content in round %llu\n",
					(unsigned long long)page, (unsigned long long)round);
				return 1;
			}
			put(words, first_word(seed, page, round));
		}
		if (!round) {
			puts("ready");
			fflush(stdout);
		}
	}
	printf("rounds=%llu\n", (unsigned long long)round);
	return 0;
}
