/* Loads the answer in the kernel and keeps its tables as it is told on standard input.
 *
 *   answer INTERFACE native|generic OBJECT
 *
 *   name HEX FIRST              a QNAME in wire form, lower case, and its service's first cell
 *   client ADDRESS LENGTH LIST SCOPE
 *   cell INDEX TTL ADDRESS      into the table that is not serving; TTL in seconds
 *   publish                     a new table of all the cells serves; microseconds it took
 *   counts                      answered and passed so far
 *   time                        have the kernel time the program from now on
 *   timed                       nanoseconds it ran, and how often
 *
 * `publish`, `counts` and `timed` are answered with one line. At the end of input the program is detached.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "tables.h"

static struct cell *cells;
static struct client *blocks; /* where the map is an array of every /24 */

static void fail(const char *what)
{
	fprintf(stderr, "answer: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void add_name(int names, const char *hex, __u32 first)
{
	__u8 key[NAME_ROOM] = {};
	struct service service = { first };
	unsigned octet;

	for (int n = 0; n < NAME_ROOM && sscanf(hex + 2 * n, "%2x", &octet) == 1; n++)
		key[n] = octet;
	if (bpf_map_update_elem(names, key, &service, BPF_ANY))
		fail("name");
}

static void add_client(int clients, const char *address, __u32 length, __u16 list, __u8 scope)
{
	struct client_key key = { length, {} };
	struct client client = { list, scope, 0 };

	if (inet_pton(AF_INET, address, key.address) != 1)
		fail("client");
	if (blocks) { /* shorter prefixes first: the longer ones are written over them */
		__u32 first = key.address[0] << 16 | key.address[1] << 8 | key.address[2];

		for (__u32 n = 0; n < 1u << (24 - length); n++)
			blocks[first + n] = client;
	} else if (bpf_map_update_elem(clients, &key, &client, BPF_ANY)) {
		fail("client");
	}
}

static void set_cell(struct cell *cell, __u32 ttl, const char *address)
{
	static const __u8 head[] = { 0xc0, 12, 0, 1, 0, 1 };
	__u16 words[RR_ROOM / 2];
	__u32 sum = 0;

	ttl = htonl(ttl);
	memcpy(cell->rr, head, sizeof(head));
	memcpy(cell->rr + 6, &ttl, 4);
	memcpy(cell->rr + 10, "\0\4", 2);
	if (inet_pton(AF_INET, address, cell->rr + 12) != 1)
		fail("cell");
	memcpy(words, cell->rr, RR_ROOM);
	for (int n = 0; n < RR_ROOM / 2; n++)
		sum += words[n];
	sum = (sum & 0xffff) + (sum >> 16);
	cell->sum = (sum & 0xffff) + (sum >> 16);
}

/* A new array beside the serving one, filled through its own memory, then one update. The
 * kernel frees the old one when no packet can still see it. */
static void publish(int steering)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
	struct timespec before, after;
	__u32 slot = 0;

	clock_gettime(CLOCK_MONOTONIC, &before);
	int array = bpf_map_create(BPF_MAP_TYPE_ARRAY, "cells", 4, sizeof(struct cell), CELLS,
				   &options);
	if (array < 0)
		fail("a new array of cells");
	void *memory = mmap(NULL, CELLS * sizeof(struct cell), PROT_READ | PROT_WRITE, MAP_SHARED,
			    array, 0);
	if (memory == MAP_FAILED)
		fail("mmap");
	memcpy(memory, cells, CELLS * sizeof(struct cell));
	munmap(memory, CELLS * sizeof(struct cell));
	if (bpf_map_update_elem(steering, &slot, &array, BPF_ANY))
		fail("publish");
	close(array);
	clock_gettime(CLOCK_MONOTONIC, &after);
	printf("%.0f\n", (after.tv_sec - before.tv_sec) * 1e6 +
				 (after.tv_nsec - before.tv_nsec) / 1e3);
}

static void print_counts(int counts)
{
	__u64 each[libbpf_num_possible_cpus()];
	__u64 sums[COUNTS] = {};

	for (__u32 which = 0; which < COUNTS; which++) {
		if (bpf_map_lookup_elem(counts, &which, each))
			fail("counts");
		for (int cpu = 0; cpu < libbpf_num_possible_cpus(); cpu++)
			sums[which] += each[cpu];
	}
	printf("%llu %llu\n", sums[ANSWERED], sums[PASSED]);
}

static void print_time(int program)
{
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);

	if (bpf_obj_get_info_by_fd(program, &info, &size))
		fail("timed");
	printf("%llu %llu\n", info.run_time_ns, info.run_cnt);
}

static void obey(const struct bpf_object *object, int program)
{
	int names = bpf_object__find_map_fd_by_name(object, "names");
	int clients = bpf_object__find_map_fd_by_name(object, "clients");
	int steering = bpf_object__find_map_fd_by_name(object, "steering");
	int counts = bpf_object__find_map_fd_by_name(object, "counts");
	const size_t blocks_size = (1 << 24) * sizeof(struct client);
	char line[512], text[400];
	unsigned a, b, c;

	if (bpf_map__type(bpf_object__find_map_by_name(object, "clients")) == BPF_MAP_TYPE_ARRAY)
		blocks = mmap(NULL, blocks_size, PROT_READ | PROT_WRITE, MAP_SHARED, clients, 0);
	if (blocks == MAP_FAILED)
		fail("mmap");
	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "name %399s %u", text, &a) == 2)
			add_name(names, text, a);
		else if (sscanf(line, "client %399s %u %u %u", text, &a, &b, &c) == 4)
			add_client(clients, text, a, b, c);
		else if (sscanf(line, "cell %u %u %399s", &a, &b, text) == 3 && a < CELLS)
			set_cell(&cells[a], b, text);
		else if (!strcmp(line, "publish\n"))
			publish(steering);
		else if (!strcmp(line, "counts\n"))
			print_counts(counts);
		else if (!strcmp(line, "time\n") && bpf_enable_stats(BPF_STATS_RUN_TIME) < 0)
			fail("time"); /* until this process ends */
		else if (!strcmp(line, "timed\n"))
			print_time(program);
		else if (strcmp(line, "time\n"))
			fail(line);
		fflush(stdout);
	}
}

int main(int argc, char **argv)
{
	if (argc != 4)
		fail("usage: answer INTERFACE native|generic OBJECT");
	int interface = if_nametoindex(argv[1]);
	__u32 mode = strcmp(argv[2], "native") ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE;
	struct bpf_object *object = bpf_object__open_file(argv[3], NULL);

	cells = calloc(CELLS, sizeof(*cells));
	if (!cells || !object || bpf_object__load(object))
		fail("load");
	struct bpf_program *program = bpf_object__find_program_by_name(object, "answer");
	if (bpf_xdp_attach(interface, bpf_program__fd(program), mode, NULL))
		fail("attach");
	obey(object, bpf_program__fd(program));
	bpf_xdp_detach(interface, mode, NULL);
	return 0;
}
