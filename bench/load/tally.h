/* What was measured: latencies in buckets, response codes, addresses, and changes of an answer. */
#ifndef TALLY_H
#define TALLY_H
#include <stdint.h>
#include <stdio.h>

#include "query.h"

enum { BUCKETS = 64 * 32, ADDRESSES = 512, CHANGES = 4096 };

struct tally {
    uint64_t sent, received, lost, late, malformed, unsent, octets;
    uint64_t rcodes[16], without_address;
    uint64_t latency[BUCKETS];             /* 32 buckets for each power of two of nanoseconds */
    uint64_t stamped[BUCKETS];             /* the same of those with a stamp, by what it says */
    uint64_t early;                        /* stamped before they were asked for: a clock stepped */
    uint64_t slowest;                      /* ns */
    struct { uint32_t address; uint64_t count; } addresses[ADDRESSES];
    uint64_t other_addresses;
    struct { uint64_t at; uint32_t address; } changes[CHANGES];   /* of the watched client */
    unsigned change_count;
};

void tally_answer(struct tally *tally, const struct answer *answer, uint64_t nanoseconds);

/* An answer that the kernel had at `arrived`, to a query sent at `sent`; both of one clock, ns. */
void tally_stamped(struct tally *tally, uint64_t arrived, uint64_t sent);
void tally_watched(struct tally *tally, const struct answer *answer, uint64_t now);

/* The members of a JSON object, without its braces. */
void tally_print(const struct tally *tally, FILE *out);

#endif
