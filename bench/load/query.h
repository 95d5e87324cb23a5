/* One QNAME pattern as queries of equal length, and what a response to one says. */
#ifndef QUERY_H
#define QUERY_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HEADER = 12, TYPE_A = 1, TYPE_OPT = 41, OPTION_NSID = 3, OPTION_ECS = 8 };

/* MIX_NSID: with a client subnet, and asked who answers (RFC 5001). */
enum mix { MIX_PLAIN, MIX_EDNS, MIX_ECS, MIX_NSID };

struct query {
    uint8_t octets[512];
    size_t length;
    size_t subnet_at;   /* the three octets of the /24 in the ECS option; 0 without one */
    size_t digits_at;   /* where the run of '#' of the pattern stands */
    size_t digits;      /* its length; 0 for a pattern that is one plain name */
};

struct answer {
    unsigned rcode;
    bool has_address;
    uint32_t address;   /* of the first A record, in host order */
};

/* Make the query of `pattern` (a name in which a run of '#' stands for a number), QTYPE A.
   Returns false for a name that does not fit. */
bool query_make(struct query *query, const char *pattern, enum mix mix);

/* Write one query with this ID, number of the name, and client subnet into `out`. */
void query_write(const struct query *query, uint8_t *out, uint16_t id, unsigned number,
                 uint32_t subnet);

static inline unsigned get16(const uint8_t *at) { return (unsigned)at[0] << 8 | at[1]; }

static inline uint32_t get32(const uint8_t *at) { return (uint32_t)get16(at) << 16 | get16(at + 2); }

/* The offset after the name at `at`; 0 when it runs past the end. */
size_t skip_name(const uint8_t *octets, size_t length, size_t at);

/* Read a response; false for what is not one. Answers of an echo have no records. */
bool answer_read(const uint8_t *octets, size_t length, struct answer *answer);

#endif
