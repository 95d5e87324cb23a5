/* What LPM_TRIE costs: memory and lookups at the sizes given.
 *
 *   longest OBJECT PREFIXES...     one line for each: prefixes, octets, seconds to fill; ns for
 *                                  any client in the trie, in the array of blocks; the same two
 *                                  where 64 clients ask again and again
 *
 * Half of the prefixes are /24, the rest /16 to /23, at random: roughly what a city database
 * is after merging. Every address asked lies in one of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "longest.h"
#include "tables.h"

#define RUNS 4096 /* of LOOKUPS each: a quarter of a million lookups */
#define TIMES 5

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static __u32 draw(void)
{
	static __u64 state = 88172645463325252ull;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state >> 32;
}

static double now(void)
{
	struct timespec clock;

	clock_gettime(CLOCK_MONOTONIC, &clock);
	return clock.tv_sec + clock.tv_nsec / 1e9;
}

/* Octets in the kernel's slabs, where the nodes are. */
static long in_slabs(void)
{
	char line[128];
	long kib = 0;
	FILE *file = fopen("/proc/meminfo", "r");

	while (file && fgets(line, sizeof(line), file) && sscanf(line, "SUnreclaim: %ld", &kib) != 1)
		;
	if (!file || fclose(file))
		fail("/proc/meminfo");
	return kib * 1024;
}

/* Wait for what a table before this one left to be freed, which the kernel does later. */
static long settled_slabs(void)
{
	long before = in_slabs(), after;

	for (;;) {
		usleep(500000);
		after = in_slabs();
		if (after > before - 65536)
			return after;
		before = after;
	}
}

static void fill(int clients, __u32 prefixes, __u32 *firsts)
{
	for (__u32 n = 0; n < prefixes; n++) {
		__u32 length = draw() & 1 ? 24 : 16 + draw() % 8;
		__u32 first = __builtin_bswap32(draw() & ~0u << (32 - length));
		struct client_key key = { length, {} };
		struct client client = { n & 0xfff, length, 0 };

		memcpy(key.address, &first, 4);
		if (bpf_map_update_elem(clients, &key, &client, BPF_ANY))
			fail("fill");
		firsts[n] = first;
	}
}

static double run(int program, enum look look)
{
	char frame[64] = { look };
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = sizeof(frame),
		    .repeat = RUNS);

	if (bpf_prog_test_run_opts(program, &options))
		fail("run");
	return (double)options.duration / LOOKUPS; /* the kernel gives the mean of the runs */
}

static int compare(const void *one, const void *other)
{
	double a = *(const double *)one, b = *(const double *)other;

	return (a > b) - (a < b);
}

/* The median of a few times. */
static double measure(int program, enum look look)
{
	double times[TIMES];

	for (int n = 0; n < TIMES; n++)
		times[n] = run(program, look) - run(program, LOOK_NOWHERE);
	qsort(times, TIMES, sizeof(*times), compare);
	return times[TIMES / 2];
}

static void choose(__u64 *asked, const __u32 *firsts, __u32 prefixes, __u32 different)
{
	for (__u32 n = 0; n < ADDRESSES; n++)
		asked[n] = n < different ? firsts[draw() % prefixes] : asked[n % different];
}

static void size(const char *path, __u32 prefixes)
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	__u32 *firsts = calloc(prefixes, sizeof(*firsts));

	if (!firsts || !object || bpf_object__load(object))
		fail("load");
	int program = bpf_program__fd(bpf_object__find_program_by_name(object, "longest"));
	int addresses = bpf_object__find_map_fd_by_name(object, "addresses");
	__u64 *asked = mmap(NULL, 8ul * ADDRESSES, PROT_READ | PROT_WRITE, MAP_SHARED, addresses, 0);
	if (asked == MAP_FAILED)
		fail("mmap");
	memset(asked, 0, 8ul * ADDRESSES);
	long before = settled_slabs();
	double started = now();
	fill(bpf_object__find_map_fd_by_name(object, "clients"), prefixes, firsts);
	double filled = now() - started;
	long octets = in_slabs() - before;
	printf("%u %ld %.3f", prefixes, octets, filled);
	for (__u32 different = ADDRESSES; different; different = different == 64 ? 0 : 64) {
		choose(asked, firsts, prefixes, different);
		printf(" %.1f %.1f", measure(program, LOOK_IN_TRIE), measure(program, LOOK_IN_BLOCKS));
	}
	putchar('\n');
	fflush(stdout);
	munmap(asked, 8ul * ADDRESSES);
	free(firsts);
	bpf_object__close(object);
}

int main(int argc, char **argv)
{
	for (int n = 2; n < argc; n++)
		size(argv[1], strtoul(argv[n], NULL, 10));
	return 0;
}
