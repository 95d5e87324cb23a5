/* Counting, and printing what was counted as JSON. */
#include "tally.h"

static unsigned bucket_of(uint64_t nanoseconds)
{
    if (nanoseconds < 64)
        return (unsigned)nanoseconds;
    unsigned power = 63u - (unsigned)__builtin_clzll(nanoseconds);
    return power * 32 - 128 + (unsigned)(nanoseconds >> (power - 5) & 31);
}

/* The middle of a bucket, in nanoseconds. */
static double bucket_value(unsigned bucket)
{
    if (bucket < 64)
        return bucket;
    unsigned power = (bucket + 128) / 32;
    return (double)(1ull << power) * (1.0 + (bucket % 32 + 0.5) / 32);
}

void tally_answer(struct tally *tally, const struct answer *answer, uint64_t nanoseconds)
{
    tally->received++;
    tally->rcodes[answer->rcode]++;
    tally->latency[bucket_of(nanoseconds)]++;
    if (nanoseconds > tally->slowest)
        tally->slowest = nanoseconds;
    if (!answer->has_address) {
        tally->without_address++;
        return;
    }
    unsigned slot = answer->address * 2654435761u >> 23;
    for (unsigned tries = 0; tries < 8; tries++, slot = (slot + 1) % ADDRESSES) {
        if (tally->addresses[slot].count == 0)
            tally->addresses[slot].address = answer->address;
        if (tally->addresses[slot].address == answer->address) {
            tally->addresses[slot].count++;
            return;
        }
    }
    tally->other_addresses++;
}

void tally_stamped(struct tally *tally, uint64_t arrived, uint64_t sent)
{
    if (arrived < sent)
        tally->early++;
    else
        tally->stamped[bucket_of(arrived - sent)]++;
}

void tally_watched(struct tally *tally, const struct answer *answer, uint64_t now)
{
    uint32_t address = answer->has_address ? answer->address : 0;
    unsigned count = tally->change_count;
    if (count == CHANGES || (count && tally->changes[count - 1].address == address))
        return;
    tally->changes[count].at = now;
    tally->changes[count].address = address;
    tally->change_count++;
}

static double quantile(const struct tally *tally, double share)
{
    double wanted = share * (double)tally->received;
    uint64_t seen = 0;
    for (unsigned bucket = 0; bucket < BUCKETS; bucket++) {
        seen += tally->latency[bucket];
        if (seen && (double)seen >= wanted)
            return bucket_value(bucket) / 1e3;
    }
    return 0.0;
}

static void print_address(FILE *out, uint32_t address)
{
    fprintf(out, "\"%u.%u.%u.%u\"", address >> 24, address >> 16 & 255, address >> 8 & 255,
            address & 255);
}

static void print_buckets(FILE *out, const char *name, const uint64_t *counts)
{
    const char *comma = "";
    fprintf(out, ", \"%s\": [", name);
    for (unsigned bucket = 0; bucket < BUCKETS; bucket++)
        if (counts[bucket]) {
            fprintf(out, "%s[%.0f, %lu]", comma, bucket_value(bucket), counts[bucket]);
            comma = ", ";
        }
    fputs("]", out);
}

void tally_print(const struct tally *tally, FILE *out)
{
    const char *comma = "";
    fprintf(out,
            "\"sent\": %lu, \"received\": %lu, \"lost\": %lu, \"late\": %lu, \"malformed\": %lu, "
            "\"unsent\": %lu, \"octets\": %lu, \"without_address\": %lu, \"rcodes\": {",
            tally->sent, tally->received, tally->lost, tally->late, tally->malformed,
            tally->unsent, tally->octets, tally->without_address);
    for (unsigned rcode = 0; rcode < 16; rcode++)
        if (tally->rcodes[rcode]) {
            fprintf(out, "%s\"%u\": %lu", comma, rcode, tally->rcodes[rcode]);
            comma = ", ";
        }
    fprintf(out, "}, \"other_addresses\": %lu, \"addresses\": {", tally->other_addresses);
    comma = "";
    for (unsigned slot = 0; slot < ADDRESSES; slot++)
        if (tally->addresses[slot].count) {
            fputs(comma, out);
            print_address(out, tally->addresses[slot].address);
            fprintf(out, ": %lu", tally->addresses[slot].count);
            comma = ", ";
        }
    fprintf(out,
            "}, \"latency_us\": {\"p50\": %.2f, \"p90\": %.2f, \"p99\": %.2f, \"p99.9\": %.2f, "
            "\"max\": %.2f}",
            quantile(tally, 0.5), quantile(tally, 0.9), quantile(tally, 0.99), quantile(tally, 0.999),
            (double)tally->slowest / 1e3);
    print_buckets(out, "latency_ns", tally->latency);
    print_buckets(out, "stamped_ns", tally->stamped);
    fprintf(out, ", \"early\": %lu", tally->early);
    fputs(", \"changes\": [", out);
    for (unsigned change = 0; change < tally->change_count; change++) {
        fprintf(out, "%s[%.9f, ", change ? ", " : "", (double)tally->changes[change].at / 1e9);
        print_address(out, tally->changes[change].address);
        fputs("]", out);
    }
    fputs("]", out);
}
