/* An answer in the kernel: an A query with a client subnet of /24, for a name that is known.
 *
 * The packet that came in becomes the response: addresses and ports swapped, the RR of the
 * steering cell put before OPT, SCOPE PREFIX-LENGTH set, lengths and checksums brought up to
 * date, and back out of the same interface (XDP_TX). Whatever is not exactly understood goes
 * up the stack to the engine (XDP_PASS), so nothing is ever dropped or refused here.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "tables.h"

#define UDP_PAYLOAD 1232

struct dns {
	__be16 id, flags, questions, answers, authorities, additional;
} __attribute__((packed));

/* QTYPE, QCLASS and the one OPT record that is understood (RFC 6891 6.1.2, RFC 7871 6). */
struct tail {
	__be16 qtype, qclass;
	__u8 root;
	__be16 type, payload;
	__u8 rcode, version;
	__be16 flags, rdlength;
	__be16 option, length, family;
	__u8 source, scope, address[3];
} __attribute__((packed));

#define QUESTION_END 4 /* into struct tail: where the RR goes */
#define OPT_SIZE (sizeof(struct tail) - QUESTION_END)

struct steering_array {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CELLS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct cell));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct steering_array);
} steering SEC(".maps");

#ifdef BLOCKS
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, (1 << 24) / BLOCKS_EACH);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, BLOCKS_EACH * sizeof(struct client));
} clients SEC(".maps");

static __always_inline const struct client *place(const __u8 *address)
{
	__u32 block = address[0] << 16 | address[1] << 8 | address[2];
	__u32 index = block / BLOCKS_EACH;
	const struct client *some = bpf_map_lookup_elem(&clients, &index);

	return some && some[block % BLOCKS_EACH].scope ? &some[block % BLOCKS_EACH] : NULL;
}
#else
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1 << 22);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct client_key);
	__type(value, struct client);
} clients SEC(".maps");

static __always_inline const struct client *place(const __u8 *address)
{
	struct client_key key = { 24, { address[0], address[1], address[2] } };

	return bpf_map_lookup_elem(&clients, &key);
}
#endif

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(key_size, NAME_ROOM);
	__uint(value_size, sizeof(struct service));
} names SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNTS);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

static __always_inline void count(__u32 which)
{
	__u64 *counted = bpf_map_lookup_elem(&counts, &which);

	if (counted)
		*counted += 1;
}

static __always_inline __u32 fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

/* What a checksum gains where a 16-bit word changes (RFC 1624). */
static __always_inline __u32 change(__be16 old, __be16 new)
{
	return (__u32)(__u16)~old + new;
}

static __always_inline __u32 swap_octets(__u32 folded)
{
	return (folded >> 8 | folded << 8) & 0xffff;
}

static __always_inline int understood(struct ethhdr *eth, struct iphdr *ip, struct udphdr *udp,
				      struct dns *dns)
{
	return eth->h_proto == bpf_htons(ETH_P_IP) && ip->version == 4 && ip->ihl == 5 &&
	       ip->protocol == IPPROTO_UDP && !(ip->frag_off & bpf_htons(0x3fff)) &&
	       udp->dest == bpf_htons(53) && !(dns->flags & bpf_htons(0xfecf)) &&
	       dns->questions == bpf_htons(1) && !dns->answers && !dns->authorities &&
	       dns->additional == bpf_htons(1);
}

static __always_inline int understood_tail(const struct tail *tail)
{
	return tail->qtype == bpf_htons(1) && tail->qclass == bpf_htons(1) && !tail->root &&
	       tail->type == bpf_htons(41) && !tail->version &&
	       tail->rdlength == bpf_htons(11) && tail->option == bpf_htons(8) &&
	       tail->length == bpf_htons(7) && tail->family == bpf_htons(1) &&
	       tail->source == 24 && !tail->scope;
}

static __always_inline const struct cell *steer(const struct service *service, __u32 list)
{
	__u32 slot = 0, index = service->first + list;
	void *array = bpf_map_lookup_elem(&steering, &slot);
	const struct cell *cell = array ? bpf_map_lookup_elem(array, &index) : NULL;

	return cell && cell->sum ? cell : NULL;
}

static __always_inline void swap_ends(struct ethhdr *eth, struct iphdr *ip, struct udphdr *udp)
{
	__u8 mac[ETH_ALEN];
	__be32 address = ip->saddr;
	__be16 port = udp->source;

	__builtin_memcpy(mac, eth->h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, eth->h_dest, ETH_ALEN);
	__builtin_memcpy(eth->h_dest, mac, ETH_ALEN);
	ip->saddr = ip->daddr;
	ip->daddr = address;
	udp->source = udp->dest;
	udp->dest = port;
}

static __always_inline void finish_ip(struct iphdr *ip, __u16 length)
{
	__u16 *word = (__u16 *)ip;
	__u32 sum = 0;

	ip->tos = 0;
	ip->tot_len = bpf_htons(length);
	ip->id = 0;
	ip->frag_off = bpf_htons(0x4000);
	ip->ttl = 64;
	ip->check = 0;
	for (int n = 0; n < 10; n++)
		sum += word[n];
	ip->check = ~fold(sum);
}

SEC("xdp")
int answer(struct xdp_md *context)
{
	__u8 name[NAME_ROOM] = {};
	__u8 *end = (void *)(long)context->data_end;
	struct ethhdr *eth = (void *)(long)context->data;
	struct iphdr *ip = (void *)(eth + 1);
	struct udphdr *udp = (void *)(ip + 1);
	struct dns *dns = (void *)(udp + 1);
	__u8 *at = (void *)(dns + 1);
	int length;

	if (at > end || !understood(eth, ip, udp, dns))
		return XDP_PASS;

	/* A length octet is below 'A', so all octets are folded alike; and no name of `names`
	 * has a zero octet inside a label, so the first one ends the name or nothing matches. */
	for (length = 0; length < NAME_ROOM; length++) {
		if (at + 1 > end)
			goto pass;
		__u8 octet = *at++;
		if (!octet)
			break;
		name[length] = octet + (octet - 'A' < 26u ? 'a' - 'A' : 0);
	}
	if (length == NAME_ROOM)
		goto pass;
	length++;

	struct tail *tail = (void *)at;
	__u16 asked = sizeof(*ip) + sizeof(*udp) + sizeof(*dns) + length + sizeof(*tail);
	if ((void *)(tail + 1) > (void *)end || end - (__u8 *)ip != asked || ip->tot_len != bpf_htons(asked) ||
	    udp->len != bpf_htons(asked - sizeof(*ip)) || !understood_tail(tail))
		goto pass;

	const struct service *service = bpf_map_lookup_elem(&names, name);
	if (!service)
		goto pass;
	const struct client *client = place(tail->address);
	if (!client || client->list == UP_THE_STACK)
		goto pass;
	const struct cell *cell = steer(service, client->list);
	if (!cell || bpf_xdp_adjust_tail(context, RR_ROOM))
		goto pass;

	/* The packet may have moved: every pointer into it is taken and checked again. */
	eth = (void *)(long)context->data;
	end = (void *)(long)context->data_end;
	ip = (void *)(eth + 1);
	udp = (void *)(ip + 1);
	dns = (void *)(udp + 1);
	tail = (void *)((__u8 *)(dns + 1) + length);
	__u8 *rr = (__u8 *)tail + QUESTION_END;
	if ((void *)(tail + 1) + RR_ROOM > (void *)end)
		return XDP_ABORTED; /* cannot be: the same octets were there before */

	struct tail *opt = (void *)tail + RR_ROOM; /* from `root` on, it is OPT's new place */
	__u8 moved[OPT_SIZE];
	__builtin_memcpy(moved, rr, OPT_SIZE);
	__builtin_memcpy(&opt->root, moved, OPT_SIZE);
	__builtin_memcpy(rr, cell->rr, RR_ROOM);

	/* OPT moves by an even number of octets, so only what changes in it counts. A word that
	 * begins at an odd offset adds to a checksum with its octets swapped: those of the RR after
	 * a QNAME of odd length, those of OPT (whose owner is one octet) after an even one. */
	__u32 rr_sum = cell->sum;
	__u32 opt_sum = fold(change(opt->payload, bpf_htons(UDP_PAYLOAD)) +
			     change(opt->flags, opt->flags & bpf_htons(0x8000)) +
			     change(bpf_htons((__u16)opt->rcode << 8), 0) +
			     change(0, bpf_htons(client->scope)));
	if (length & 1)
		rr_sum = swap_octets(rr_sum);
	else
		opt_sum = swap_octets(opt_sum);
	opt->payload = bpf_htons(UDP_PAYLOAD);
	opt->flags &= bpf_htons(0x8000);
	opt->rcode = 0;
	opt->scope = client->scope;

	/* QR and AA; RD and CD as they were asked (RFC 1035 4.1.1, RFC 4035 3.1.6). */
	__be16 flags = (dns->flags & bpf_htons(0x0110)) | bpf_htons(0x8400);
	__be16 long_before = udp->len;
	udp->len = bpf_htons(asked - sizeof(*ip) + RR_ROOM);
	__u32 sum = rr_sum + opt_sum + change(dns->flags, flags) + change(0, bpf_htons(1)) +
		    2 * change(long_before, udp->len); /* the pseudo-header has the length too */
	dns->flags = flags;
	dns->answers = bpf_htons(1);
	if (udp->check) { /* none in the query: none in the response (RFC 768) */
		__u16 check = ~fold(fold(sum) + (__u16)~udp->check);
		udp->check = check ? check : 0xffff;
	}
	swap_ends(eth, ip, udp);
	finish_ip(ip, asked + RR_ROOM);
	count(ANSWERED);
	return XDP_TX;

pass:
	count(PASSED);
	return XDP_PASS;
}

char licence[] SEC("license") = "GPL";
