/* The map by itself: LOOKUPS addresses of the table looked up in one run, in LPM_TRIE or in an
 * array with a place for every /24 of IPv4. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "longest.h"
#include "tables.h"

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1 << 23);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct client_key);
	__type(value, struct client);
} clients SEC(".maps");

/* Four lists of two octets in each element, as an array's elements have at least eight. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 << 22);
	__type(key, __u32);
	__type(value, __u64);
} blocks SEC(".maps");

/* Addresses to ask for, drawn beforehand so that drawing them is not measured. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ADDRESSES);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, __u64);
} addresses SEC(".maps");

__u32 next;
__u32 found;

SEC("xdp")
int longest(struct xdp_md *context)
{
	__u8 *look = (void *)(long)context->data; /* where to, by the packet's first octet */

	if (look + 1 > (__u8 *)(long)context->data_end)
		return XDP_ABORTED;
	for (int n = 0; n < LOOKUPS; n++) {
		__u32 index = next++ & (ADDRESSES - 1);
		__u64 *address = bpf_map_lookup_elem(&addresses, &index);
		if (!address)
			return XDP_ABORTED;
		struct client_key key = { 24, {} };
		__builtin_memcpy(key.address, address, 4);
		if (*look == LOOK_NOWHERE) {
			found += key.address[0] & 1;
		} else if (*look == LOOK_IN_TRIE) {
			if (bpf_map_lookup_elem(&clients, &key))
				found++;
		} else {
			__u32 block = key.address[0] << 16 | key.address[1] << 8 | key.address[2];
			__u32 four = block >> 2;
			__u16 *lists = bpf_map_lookup_elem(&blocks, &four);
			if (lists)
				found += lists[block & 3];
		}
	}
	return XDP_PASS;
}

char licence[] SEC("license") = "GPL";
