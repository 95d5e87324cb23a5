/* Queries to one address by the clock, and a record of each: when it left, and who answered what.

   ask --records FILE --clients FILE --qname NAME --rate PER_SECOND --seconds S [--port N] ADDRESS…

   Query n goes to address n mod (their number), from socket n mod SOCKETS, for client n mod (theirs):
   an ECS /24 of the file, a line each. It asks for NSID (RFC 5001), so that each answer says whose it is.
   Nothing is sent again. The file has a record of 32 octets at n * 32 (struct record, this machine's
   order of octets), zeros where nothing was sent, and can be read meanwhile. It ends after its
   seconds, or at SIGTERM, and waits for late answers first. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "../../load/query.h"

enum { SOCKETS = 256, ADDRESSES_MOST = 2, CLIENTS_MOST = 64, OCTETS = 1500, EDGE = 6 };
enum { NO_RCODE = 255 };
static const uint64_t SECOND = 1000000000ull, LATE = 2000000000ull, TICK = 1000000ull;

struct record {
    uint64_t sent, received;   /* CLOCK_MONOTONIC, ns; received 0 where nothing came */
    uint32_t address;          /* of the first A record, host order; 0 for none */
    uint16_t ttl;              /* of it, at most 65535 */
    uint8_t rcode, client;
    char edge[EDGE];           /* NSID, as far as it fits, zeros after it */
    uint8_t responses, family; /* how many responses came; 4 or 6 */
};
_Static_assert(sizeof(struct record) == 32, "as records.py reads it");

static union address {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
} addresses[ADDRESSES_MOST];
static unsigned address_count, client_count, port = 53;
static uint32_t clients[CLIENTS_MOST]; /* /24s, without their last octet */
static int sockets[SOCKETS];
static struct record *records;
static uint64_t most, sent_count;
static struct query query;
static volatile sig_atomic_t stopping;

static void stop(int signal) { (void)signal; stopping = 1; }

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

static void read_clients(const char *path)
{
    FILE *file = fopen(path, "r");
    char line[64];
    if (!file)
        fail(path);
    while (client_count < CLIENTS_MOST && fgets(line, sizeof line, file)) {
        struct in_addr subnet;
        line[strcspn(line, "\n")] = 0;
        if (inet_pton(AF_INET, line, &subnet) != 1) {
            fprintf(stderr, "%s: %s is no IPv4 address\n", path, line);
            exit(2);
        }
        clients[client_count++] = ntohl(subnet.s_addr) >> 8;
    }
    fclose(file);
}

static void read_address(const char *text)
{
    union address *made = &addresses[address_count++];
    memset(made, 0, sizeof *made);
    if (inet_pton(AF_INET, text, &made->four.sin_addr) == 1) {
        made->four.sin_family = AF_INET;
        made->four.sin_port = htons((uint16_t)port);
    } else if (inet_pton(AF_INET6, text, &made->six.sin6_addr) == 1) {
        made->six.sin6_family = AF_INET6;
        made->six.sin6_port = htons((uint16_t)port);
    } else {
        fprintf(stderr, "%s is no address\n", text);
        exit(2);
    }
}

static const union address *address_of(unsigned socket) { return &addresses[socket % address_count]; }

static socklen_t length_of(const union address *address)
{
    return address->any.sa_family == AF_INET ? sizeof address->four : sizeof address->six;
}

static bool same(const union address *one, const union address *other)
{
    if (one->any.sa_family != other->any.sa_family)
        return false;
    if (one->any.sa_family == AF_INET)
        return one->four.sin_port == other->four.sin_port &&
               one->four.sin_addr.s_addr == other->four.sin_addr.s_addr;
    return one->six.sin6_port == other->six.sin6_port &&
           !memcmp(&one->six.sin6_addr, &other->six.sin6_addr, 16);
}

/* Sockets are not connected: what ICMP says of one query must not cost another. */
static int open_sockets(void)
{
    int poll = epoll_create1(0);
    for (unsigned n = 0; n < SOCKETS; n++) {
        int family = address_of(n)->any.sa_family, room = 1 << 20;
        sockets[n] = socket(family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = n};
        if (sockets[n] < 0 || epoll_ctl(poll, EPOLL_CTL_ADD, sockets[n], &event))
            fail("socket");
        setsockopt(sockets[n], SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    }
    return poll;
}

static void read_options(const uint8_t *data, size_t length, struct record *record)
{
    for (size_t at = 0; at + 4 <= length;) {
        size_t size = get16(data + at + 2);
        if (at + 4 + size > length)
            return;
        if (get16(data + at) == OPTION_NSID)
            memcpy(record->edge, data + at + 4, size < EDGE ? size : EDGE);
        at += 4 + size;
    }
}

static void read_response(const uint8_t *octets, size_t length, struct record *record)
{
    size_t at = skip_name(octets, length, HEADER);
    unsigned count = get16(octets + 6) + get16(octets + 8) + get16(octets + 10);
    record->rcode = octets[3] & 15;
    for (at = at ? at + 4 : 0; at && count > 0; count--) {
        at = skip_name(octets, length, at);
        if (!at || at + 10 > length)
            return;
        unsigned type = get16(octets + at);
        uint32_t ttl = get32(octets + at + 4);
        size_t size = get16(octets + at + 8);
        const uint8_t *data = octets + at + 10;
        at += 10 + size;
        if (at > length)
            return;
        if (type == TYPE_A && size == 4 && !record->address) {
            record->address = get32(data);
            record->ttl = (uint16_t)(ttl > 65535 ? 65535 : ttl);
        } else if (type == TYPE_OPT) {
            read_options(data, size, record);
        }
    }
}

static void receive(unsigned number)
{
    uint8_t octets[OCTETS];
    for (;;) {
        union address from;
        socklen_t size = sizeof from;
        memset(&from, 0, sizeof from);
        ssize_t length = recvfrom(sockets[number], octets, sizeof octets, 0, &from.any, &size);
        if (length < 0)
            return;
        if (length < HEADER || !(octets[2] & 0x80) || !same(&from, address_of(number)))
            continue;
        /* The ID is the round of the socket; those of some minutes ago are told by their bits. */
        uint64_t round = get16(octets), newest = sent_count / SOCKETS;
        round |= newest & ~0xFFFFull;
        if (round > newest)
            round -= 0x10000;
        uint64_t n = round * SOCKETS + number;
        if (n >= sent_count)
            continue;
        struct record *record = &records[n];
        if (record->responses < 255)
            record->responses++;
        if (record->received)
            continue;
        read_response(octets, (size_t)length, record);
        record->received = now_ns();
    }
}

static void ask(void)
{
    unsigned number = (unsigned)(sent_count % SOCKETS);
    const union address *to = address_of(number);
    struct record *record = &records[sent_count];
    uint64_t round = sent_count / SOCKETS;
    uint8_t octets[sizeof query.octets];
    record->rcode = NO_RCODE;
    record->family = to->any.sa_family == AF_INET ? 4 : 6;
    /* Not the socket's number: each client's queries come from sockets of both families. */
    record->client = (uint8_t)(sent_count / SOCKETS * 7 + number / address_count) % client_count;
    query_write(&query, octets, (uint16_t)round, 0, clients[record->client]);
    record->sent = now_ns();
    sent_count++;
    /* Where there is no route just now the query is lost, as it would be further on. */
    (void)!sendto(sockets[number], octets, query.length, 0, &to->any, length_of(to));
}

static void run(int poll, double rate, double seconds)
{
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct itimerspec every = {{0, (long)TICK}, {0, (long)TICK}};
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = SOCKETS}, events[64];
    if (timer < 0 || timerfd_settime(timer, 0, &every, NULL) ||
        epoll_ctl(poll, EPOLL_CTL_ADD, timer, &event))
        fail("timer");
    uint64_t start = now_ns(), end = start + (uint64_t)(seconds * 1e9), now = start;
    while (now < end + LATE) {
        int ready = epoll_wait(poll, events, 64, 100);
        for (int n = 0; n < ready; n++) {
            uint64_t ticks;
            if (events[n].data.u32 < SOCKETS)
                receive(events[n].data.u32);
            else
                (void)!read(timer, &ticks, sizeof ticks);
        }
        now = now_ns();
        if (stopping && now < end)
            end = now;
        uint64_t until = now < end ? now : end;
        uint64_t due = (uint64_t)((double)(until - start) * rate / 1e9);
        for (due = due < most ? due : most; sent_count < due;)
            ask();
    }
}

int main(int count, char **words)
{
    static const struct option known[] = {{"records", 1, 0, 'o'}, {"clients", 1, 0, 'c'},
        {"qname", 1, 0, 'q'}, {"rate", 1, 0, 'r'}, {"seconds", 1, 0, 's'},
        {"port", 1, 0, 'p'}, {0, 0, 0, 0}};
    const char *path = NULL, *name = NULL;
    double rate = 0, seconds = 0;
    for (int word; (word = getopt_long(count, words, "", known, NULL)) != -1;)
        switch (word) {
        case 'o': path = optarg; break;
        case 'c': read_clients(optarg); break;
        case 'q': name = optarg; break;
        case 'r': rate = atof(optarg); break;
        case 's': seconds = atof(optarg); break;
        case 'p': port = (unsigned)atoi(optarg); break;
        default: return 2;
        }
    while (optind < count && address_count < ADDRESSES_MOST)
        read_address(words[optind++]);
    if (!path || !name || !query_make(&query, name, MIX_NSID) || !client_count || !address_count || rate <= 0 ||
        seconds <= 0 || optind != count) {
        fputs("ask --records FILE --clients FILE --qname NAME --rate N --seconds S [--port N]\n"
              "    ADDRESS [ADDRESS]\n",
              stderr);
        return 2;
    }
    most = (uint64_t)(rate * seconds) + 1;
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
    size_t size = most * sizeof *records;
    if (file < 0 || ftruncate(file, (off_t)size))
        fail(path);
    records = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (records == MAP_FAILED)
        fail(path);
    signal(SIGTERM, stop);
    run(open_sockets(), rate, seconds);
    return 0;
}
