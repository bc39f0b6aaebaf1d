#include "measure.h"

#include <stdio.h>

/* Larger than a first-level cache, smaller than a last-level one: about what a small server touches. */
#define WORDS (1u << 17)
#define BATCH 4096u

static uint64_t memory[WORDS];

/* Xorshift (Marsaglia, 2003) chooses a word; reading, adding and writing it depends on the word before. */
static uint64_t batch(uint64_t state)
{
    for (unsigned i = 0; i < BATCH; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        uint64_t *word = &memory[state & (WORDS - 1)];
        *word += state * 0x9e3779b97f4a7c15u;
        state ^= *word >> 32;
        state |= 1;
    }
    return state;
}

/* As many operations as one thread does in the time given. */
int measure_cpu(int argc, char **argv)
{
    (void)argc;
    uint64_t limit = number(argv[0], 60000) * 1000000u;
    uint64_t state = batch(88172645463325252u);
    uint64_t operations = 0, began = now(), passed;
    do {
        state = batch(state);
        operations += BATCH;
        passed = now() - began;
    } while (passed < limit);
    /* Printing the result keeps the compiler from leaving the work out. */
    printf("{\"operations\":%llu,\"nanoseconds\":%llu,\"check\":%u}\n", (unsigned long long)operations,
           (unsigned long long)passed, (unsigned)(state & 0xffff));
    return 0;
}
