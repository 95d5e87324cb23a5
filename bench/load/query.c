/* Queries written once and patched per packet (RFC 1035 §4, RFC 6891, RFC 7871). */
#include "query.h"

#include <string.h>

enum { CLASS_IN = 1, PAYLOAD = 1232 };

static void put16(struct query *query, unsigned value)
{
    query->octets[query->length++] = (uint8_t)(value >> 8);
    query->octets[query->length++] = (uint8_t)value;
}

static bool put_name(struct query *query, const char *pattern)
{
    while (*pattern) {
        size_t length = strcspn(pattern, ".");
        if (length == 0 || length > 63 || query->length + length > 255)
            return false;
        query->octets[query->length++] = (uint8_t)length;
        for (size_t at = 0; at < length; at++) {
            if (pattern[at] == '#') {
                if (query->digits == 0)
                    query->digits_at = query->length;
                query->digits++;
            }
            query->octets[query->length++] = (uint8_t)pattern[at];
        }
        pattern += length + (pattern[length] == '.');
    }
    query->octets[query->length++] = 0;
    return true;
}

bool query_make(struct query *query, const char *pattern, enum mix mix)
{
    memset(query, 0, sizeof *query);
    query->length = HEADER;
    query->octets[5] = 1;                         /* QDCOUNT */
    query->octets[11] = mix != MIX_PLAIN;         /* ARCOUNT */
    if (!put_name(query, pattern))
        return false;
    put16(query, TYPE_A);
    put16(query, CLASS_IN);
    if (mix == MIX_PLAIN)
        return true;
    query->octets[query->length++] = 0;           /* the root: owner of OPT */
    put16(query, TYPE_OPT);
    put16(query, PAYLOAD);
    put16(query, 0);
    put16(query, 0);
    put16(query, mix == MIX_EDNS ? 0 : mix == MIX_ECS ? 11 : 15); /* RDLENGTH */
    if (mix == MIX_NSID) {
        put16(query, OPTION_NSID);
        put16(query, 0);
    }
    if (mix != MIX_EDNS) {
        put16(query, OPTION_ECS);
        put16(query, 7);
        put16(query, 1);                          /* FAMILY: IPv4 */
        put16(query, 24 << 8);                    /* SOURCE 24, SCOPE 0 */
        query->subnet_at = query->length;
        query->length += 3;
    }
    return true;
}

void query_write(const struct query *query, uint8_t *out, uint16_t id, unsigned number,
                 uint32_t subnet)
{
    memcpy(out, query->octets, query->length);
    out[0] = (uint8_t)(id >> 8);
    out[1] = (uint8_t)id;
    for (size_t at = query->digits; at-- > 0; number /= 10)
        out[query->digits_at + at] = (uint8_t)('0' + number % 10);
    if (query->subnet_at) {
        out[query->subnet_at] = (uint8_t)(subnet >> 16);
        out[query->subnet_at + 1] = (uint8_t)(subnet >> 8);
        out[query->subnet_at + 2] = (uint8_t)subnet;
    }
}

size_t skip_name(const uint8_t *octets, size_t length, size_t at)
{
    while (at < length) {
        if ((octets[at] & 0xC0) == 0xC0)
            return at + 2;
        if (octets[at] == 0)
            return at + 1;
        at += octets[at] + 1u;
    }
    return 0;
}

bool answer_read(const uint8_t *octets, size_t length, struct answer *answer)
{
    if (length < HEADER || !(octets[2] & 0x80))
        return false;
    answer->rcode = octets[3] & 15;
    answer->has_address = false;
    unsigned count = get16(octets + 6);
    size_t at = count ? skip_name(octets, length, HEADER) : 0;
    for (at = at ? at + 4 : 0; at && count > 0; count--) {
        at = skip_name(octets, length, at);
        if (!at || at + 10 > length)
            break;
        const uint8_t *record = octets + at;
        size_t size = get16(record + 8);
        if (get16(record) == TYPE_A && size == 4 && at + 14 <= length) {
            answer->address = get32(record + 10);
            answer->has_address = true;
            break;
        }
        at += 10 + size;
    }
    return true;
}
