/* A DNS load generator over UDP that costs less per query than any server per answer.

   Closed loop: `--window` queries are in flight, and each answer makes room for another. Open
   loop (`--rate`): queries leave by the clock, and latency counts from when each was due. With
   `--stamped` it is also taken from when a query was sent until the kernel had its answer: how long
   this program was off its core before it looked is not in that. It never
   sleeps: a server that answers must not pay for waking its client. One JSON object at the end,
   or on SIGTERM. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/udp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#include "stamp.h"
#include "tally.h"

enum { BATCH = 64, OCTETS = 2048, SOCKETS_MOST = 128, SLOTS_MOST = 4096, WATCHED_EVERY = 16 };
static const uint64_t SECOND = 1000000000ull, LOST_AFTER = 250000000ull;
/* A round over all doors that takes longer was interrupted: the core was somebody else's. */
static const uint64_t STALL = 250000ull;

struct slot {
    uint64_t due;          /* when its query was to leave, ns; 0 while it is free */
    uint64_t sent;         /* when it left, as `stamp_now` */
    uint16_t round;        /* part of the ID, so that a late answer is known for what it is */
    bool watched;
};

struct door {
    int fd;
    unsigned free_count;
    uint16_t free[SLOTS_MOST];
    struct slot slots[SLOTS_MOST];
};

static struct options {
    const char *host, *pattern;
    unsigned port, sockets, window, names, watched;
    double seconds, rate;
    enum mix mix;
    bool sink, stamped;
} options = {.host = "127.0.0.1", .sockets = 16, .window = 256, .names = 1, .seconds = 1.0};

static struct door doors[SOCKETS_MOST];
static struct tally tally;
static struct query query;
static uint32_t *subnets;       /* those that queries are for; without any, every one there is */
static size_t subnet_count;
static unsigned slots_per_door, name_number;
static bool segments = true;    /* the kernel knows UDP_SEGMENT */

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

static uint64_t random_bits(void)
{
    static uint64_t state = 0x9E3779B97F4A7C15ull;
    uint64_t mixed = state += 0x9E3779B97F4A7C15ull;
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9ull;
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EBull;
    return mixed ^ mixed >> 31;
}

/* A random /24, of those listed or of the unicast space. */
static uint32_t random_subnet(void)
{
    uint64_t bits = random_bits();
    if (subnet_count)
        return subnets[bits % subnet_count];
    return (uint32_t)(1 + bits % 223) << 16 | (uint32_t)(bits >> 32 & 0xFFFF);
}

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

/* Read the file of --subnets: a /24 as a number of 32 bits in host order, one after another. */
static void read_subnets(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END))
        fail(path);
    subnet_count = (size_t)ftell(file) / sizeof *subnets;
    rewind(file);
    subnets = calloc(subnet_count + 1, sizeof *subnets);
    if (!subnets || !subnet_count || fread(subnets, sizeof *subnets, subnet_count, file) != subnet_count)
        fail(path);
    fclose(file);
}

static void open_doors(void)
{
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port)};
    if (inet_pton(AF_INET, options.host, &server.sin_addr) != 1)
        fail(options.host);
    for (unsigned n = 0; n < options.sockets; n++) {
        struct door *door = &doors[n];
        int room = 4 << 20, size = (int)query.length;
        door->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        if (door->fd < 0 || connect(door->fd, (struct sockaddr *)&server, sizeof server))
            fail("connect");
        setsockopt(door->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
        if (setsockopt(door->fd, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof size))
            segments = false;
        if (options.stamped && !stamp_arrivals(door->fd))
            fail("SO_TIMESTAMPNS");
        for (unsigned slot = 0; slot < slots_per_door; slot++)
            door->free[door->free_count++] = (uint16_t)slot;
    }
}

static void give_back(struct door *door, unsigned slot)
{
    door->slots[slot].due = 0;
    door->slots[slot].round++;
    door->free[door->free_count++] = (uint16_t)slot;
}

/* Everything that waits at this door; how much it was. */
static unsigned receive(struct door *door)
{
    static uint8_t octets[BATCH][OCTETS];
    static struct iovec parts[BATCH];
    static struct mmsghdr messages[BATCH];
    static union stamp stamps[BATCH];
    for (unsigned n = 0; n < BATCH; n++) {
        parts[n] = (struct iovec){octets[n], OCTETS};
        messages[n].msg_hdr = (struct msghdr){.msg_iov = &parts[n], .msg_iovlen = 1};
        if (options.stamped)
            stamp_room(&messages[n].msg_hdr, &stamps[n]);
    }
    int count = recvmmsg(door->fd, messages, BATCH, MSG_DONTWAIT, NULL);
    if (count <= 0)
        return 0;
    uint64_t now = now_ns();
    for (int n = 0; n < count; n++) {
        struct answer answer;
        unsigned id = (unsigned)octets[n][0] << 8 | octets[n][1];
        struct slot *slot = &door->slots[id % slots_per_door];
        if (!answer_read(octets[n], messages[n].msg_len, &answer)) {
            tally.malformed++;
            continue;
        }
        if (!slot->due || id / slots_per_door != slot->round % (65536 / slots_per_door)) {
            tally.late++;    /* nobody waits for it, or not any more */
            continue;
        }
        tally.octets += messages[n].msg_len;
        tally_answer(&tally, &answer, now > slot->due ? now - slot->due : 0);
        uint64_t arrived = options.stamped ? stamp_read(&messages[n].msg_hdr) : 0;
        if (arrived)
            tally_stamped(&tally, arrived, slot->sent);
        if (slot->watched)
            tally_watched(&tally, &answer, now);
        give_back(door, id % slots_per_door);
    }
    return (unsigned)count;
}

/* Send `count` queries, due at `due` and every `apart` ns after; how many left. */
static unsigned send_queries(struct door *door, unsigned count, double due, double apart)
{
    static uint8_t octets[BATCH * 512];
    static struct iovec parts[BATCH];
    static struct mmsghdr messages[BATCH];
    static uint64_t total;
    uint16_t taken[BATCH];
    if (count > BATCH)
        count = BATCH;
    if (count > door->free_count)
        count = door->free_count;
    for (unsigned n = 0; n < count; n++) {
        unsigned number = taken[n] = door->free[--door->free_count];
        struct slot *slot = &door->slots[number];
        unsigned rounds = 65536 / slots_per_door;
        slot->due = (uint64_t)(due + apart * n);
        slot->watched = options.watched && total++ % WATCHED_EVERY == 0;
        uint16_t id = (uint16_t)(slot->round % rounds * slots_per_door + number);
        name_number = name_number + 1 < options.names ? name_number + 1 : 0;
        query_write(&query, octets + n * query.length, id, name_number,
                    slot->watched ? options.watched : random_subnet());
        parts[n] = (struct iovec){octets + n * query.length, query.length};
        messages[n].msg_hdr = (struct msghdr){.msg_iov = &parts[n], .msg_iovlen = 1};
    }
    uint64_t sent = options.stamped ? stamp_now() : 0;
    for (unsigned n = 0; n < count; n++)
        door->slots[taken[n]].sent = sent;
    unsigned left = 0;
    if (count && segments)
        left = send(door->fd, octets, count * query.length, 0) > 0 ? count : 0;
    else if (count) {
        int some = sendmmsg(door->fd, messages, count, 0);
        left = some > 0 ? (unsigned)some : 0;
    }
    for (unsigned n = left; n < count; n++)
        give_back(door, taken[n]);
    tally.sent += left;
    return left;
}

static void give_up_lost(uint64_t now)
{
    for (unsigned n = 0; n < options.sockets; n++)
        for (unsigned slot = 0; slot < slots_per_door; slot++)
            if (doors[n].slots[slot].due && doors[n].slots[slot].due + LOST_AFTER < now) {
                tally.lost++;
                give_back(&doors[n], slot);
            }
}

static uint64_t in_flight(void) { return tally.sent - tally.received - tally.lost; }

/* One round over all doors; whether anything moved. */
static bool closed_step(uint64_t now)
{
    /* Several queries in one system call, or the generator would be the slower side. */
    unsigned least = slots_per_door >= 4 ? slots_per_door / 2 : 1, moved = 0;
    for (unsigned n = 0; n < options.sockets; n++) {
        moved += receive(&doors[n]);
        if (doors[n].free_count >= least)
            moved += send_queries(&doors[n], BATCH, (double)now, 0);
    }
    return moved > 0;
}

static bool open_step(uint64_t start, uint64_t now)
{
    static double scheduled;
    static unsigned turn;
    unsigned moved = 0;
    double apart = (double)SECOND / options.rate;
    double due = (double)(now - start) / apart - scheduled;
    for (unsigned n = 0; n < options.sockets; n++)
        moved += receive(&doors[n]);
    while (due >= 1) {
        unsigned wanted = due > 16 ? 16 : (unsigned)due;
        struct door *door = &doors[turn++ % options.sockets];
        unsigned left = send_queries(door, wanted, (double)start + scheduled * apart, apart);
        tally.unsent += wanted - left;
        scheduled += wanted;
        due -= wanted;
        moved += left;
    }
    return moved > 0;
}

/* What this program can send when nobody answers. */
static bool sink_step(uint64_t now)
{
    for (unsigned n = 0; n < options.sockets; n++) {
        unsigned left = send_queries(&doors[n], BATCH, (double)now, 0);
        tally.lost += left;
        for (unsigned slot = 0; slot < slots_per_door && left; slot++)
            if (doors[n].slots[slot].due)
                give_back(&doors[n], slot);
    }
    return true;
}

static volatile sig_atomic_t stopping;

static void stop(int signal)
{
    (void)signal;
    stopping = 1;
}

static void run(void)
{
    uint64_t start = now_ns(), end = start + (uint64_t)(options.seconds * 1e9);
    uint64_t now = start, busy = 0, looked = start, stalled = 0;
    signal(SIGTERM, stop);
    while (now < end && !stopping) {
        bool moved = options.sink ? sink_step(now) : options.rate > 0 ? open_step(start, now)
                                                                      : closed_step(now);
        uint64_t after = now_ns();
        if (moved)
            busy += after - now;
        if (after - now > STALL)
            stalled += after - now;
        if (after - looked > LOST_AFTER / 8) {
            give_up_lost(after);
            looked = after;
        }
        now = after;
    }
    double seconds = (double)(now - start) / 1e9;
    double rate = (double)tally.received / seconds;
    for (uint64_t last = now + LOST_AFTER; in_flight() && now_ns() < last;)
        for (unsigned n = 0; n < options.sockets; n++)
            receive(&doors[n]);
    tally.lost += in_flight();
    printf("{\"seconds\": %.3f, \"answers_per_s\": %.0f, \"busy\": %.3f, "
           "\"stalled\": %.5f, \"query_octets\": %zu, \"segments\": %s, ", seconds, rate,
           (double)busy / (double)(now - start), (double)stalled / (double)(now - start),
           query.length, segments ? "true" : "false");
    tally_print(&tally, stdout);
    puts("}");
}

static enum mix mix_named(const char *name)
{
    static const char *const names[] = {"plain", "edns", "ecs"};
    for (unsigned mix = 0; mix < 3; mix++)
        if (!strcmp(names[mix], name))
            return (enum mix)mix;
    fprintf(stderr, "--mix is plain, edns or ecs, not %s\n", name);
    exit(2);
}

static unsigned subnet_of(const char *text)
{
    struct in_addr address;
    if (inet_pton(AF_INET, text, &address) != 1) {
        fprintf(stderr, "--watch wants an IPv4 address, not %s\n", text);
        exit(2);
    }
    return ntohl(address.s_addr) >> 8;
}

static void read_options(int count, char **words)
{
    static const struct option known[] = {
        {"host", 1, 0, 'h'},    {"port", 1, 0, 'p'},   {"seconds", 1, 0, 's'},
        {"sockets", 1, 0, 'k'}, {"window", 1, 0, 'w'}, {"qname", 1, 0, 'q'},
        {"names", 1, 0, 'n'},   {"mix", 1, 0, 'm'},    {"rate", 1, 0, 'r'},
        {"watch", 1, 0, 'a'},   {"sink", 0, 0, 'x'},   {"subnets", 1, 0, 'f'},
        {"stamped", 0, 0, 't'},
        {0, 0, 0, 0}};
    for (int word; (word = getopt_long(count, words, "", known, NULL)) != -1;)
        switch (word) {
        case 'h': options.host = optarg; break;
        case 'p': options.port = (unsigned)atoi(optarg); break;
        case 's': options.seconds = atof(optarg); break;
        case 'k': options.sockets = (unsigned)atoi(optarg); break;
        case 'w': options.window = (unsigned)atoi(optarg); break;
        case 'q': options.pattern = optarg; break;
        case 'n': options.names = (unsigned)atoi(optarg); break;
        case 'm': options.mix = mix_named(optarg); break;
        case 'r': options.rate = atof(optarg); break;
        case 'a': options.watched = subnet_of(optarg); break;
        case 'x': options.sink = true; break;
        case 't': options.stamped = true; break;
        case 'f': read_subnets(optarg); break;
        default: exit(2);
        }
    bool possible = options.pattern && options.port > 0 && options.port < 65536 &&
                    options.sockets > 0 && options.sockets <= SOCKETS_MOST;
    if (!possible || optind != count) {
        fputs("load --port PORT --qname NAME [--mix plain|edns|ecs] [--seconds S] [--window W]\n"
              "     [--sockets K] [--names N] [--rate PER_SECOND] [--watch ADDRESS] [--sink]\n"
              "     [--subnets FILE] [--stamped]\n"
              "A run of # in NAME stands for a number below N.\n", stderr);
        exit(2);
    }
}

int main(int count, char **words)
{
    read_options(count, words);
    unsigned wanted = options.sink ? BATCH : options.rate > 0 ? SLOTS_MOST
                                           : options.window / options.sockets;
    for (slots_per_door = 1; slots_per_door * 2 <= wanted && slots_per_door < SLOTS_MOST;)
        slots_per_door *= 2;
    if (!query_make(&query, options.pattern, options.mix)) {
        fprintf(stderr, "%s is no name of a query\n", options.pattern);
        return 2;
    }
    open_doors();
    run();
    return 0;
}
