/* Asks over AF_XDP from frames made beforehand, `window` questions in flight, and counts.
 *
 *   load INTERFACE OBJECT OWN-MAC SERVER-MAC OWN-ADDRESS SERVER-ADDRESS QNAME-HEX SECONDS WINDOW
 *
 * The clients are the /24 of 10.0.0.0/8 from 10.0.0.0 on, one in each of 4,096 frames. Prints
 * what was sent, received, had an answer, and the seconds, on one line.
 */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <time.h>

#include "ring.h"

#define ASKING 4096
#define BATCH 64

static struct ring ring;
static __u32 length; /* of a frame */
static unsigned long sent, received, answered;

static double now(void)
{
	struct timespec clock;

	clock_gettime(CLOCK_MONOTONIC, &clock);
	return clock.tv_sec + clock.tv_nsec / 1e9;
}

static __u32 add(__u32 sum, const void *octets, int count)
{
	const __u8 *octet = octets;

	for (int n = 0; n < count; n++)
		sum += n & 1 ? octet[n] : octet[n] << 8;
	return sum;
}

static __u16 folded(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return htons(~((sum & 0xffff) + (sum >> 16)));
}

static int put(__u8 *at, const char *hex)
{
	unsigned octet;
	int count = 0;

	for (; sscanf(hex + 2 * count, "%2x", &octet) == 1; count++)
		at[count] = octet;
	return count;
}

static void make(__u8 *frame, char **given, int number)
{
	struct ethhdr *eth = (void *)frame;
	struct iphdr *ip = (void *)(eth + 1);
	struct udphdr *udp = (void *)(ip + 1);
	__u8 *dns = (void *)(udp + 1), *at = dns + 12;
	const __u8 header[] = { number >> 8, number, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1 };
	const __u8 rest[] = { 0, 1, 0, 1, 0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 11, 0, 8, 0, 7, 0, 1,
			      24, 0, 10, number >> 8, number };

	put(eth->h_source, given[3]);
	put(eth->h_dest, given[4]);
	eth->h_proto = htons(ETH_P_IP);
	memcpy(dns, header, sizeof(header));
	at += put(at, given[7]);
	memcpy(at, rest, sizeof(rest));
	at += sizeof(rest);
	length = at - frame;
	*ip = (struct iphdr){ .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP,
			      .tot_len = htons(at - (__u8 *)ip) };
	inet_pton(AF_INET, given[5], &ip->saddr);
	inet_pton(AF_INET, given[6], &ip->daddr);
	ip->check = folded(add(0, ip, sizeof(*ip)));
	*udp = (struct udphdr){ htons(20000), htons(53), htons(at - (__u8 *)udp), 0 };
	udp->check = folded(add(IPPROTO_UDP + ntohs(udp->len), &ip->saddr, 8) +
			    add(0, udp, at - (__u8 *)udp));
}

static __u32 ask(__u32 most)
{
	static __u32 next;
	__u32 tx, done, count = most < BATCH ? most : BATCH;

	xsk_ring_cons__release(&ring.done, xsk_ring_cons__peek(&ring.done, RING, &done));
	if (!count || !xsk_ring_prod__reserve(&ring.tx, count, &tx))
		return 0;
	for (__u32 n = 0; n < count; n++) {
		struct xdp_desc *out = xsk_ring_prod__tx_desc(&ring.tx, tx++);

		*out = (struct xdp_desc){ (__u64)FRAME * (next++ % ASKING), length, 0 };
	}
	xsk_ring_prod__submit(&ring.tx, count);
	return count;
}

static __u32 gather(void)
{
	const int flags = sizeof(struct ethhdr) + sizeof(struct iphdr) + sizeof(struct udphdr) + 2;
	__u32 rx, fill, count = xsk_ring_cons__peek(&ring.rx, BATCH, &rx);

	if (!count || xsk_ring_prod__reserve(&ring.fill, count, &fill) != count)
		return 0;
	for (__u32 n = 0; n < count; n++) {
		const struct xdp_desc *in = xsk_ring_cons__rx_desc(&ring.rx, rx++);
		const __u8 *frame = xsk_umem__get_data(ring.memory, in->addr);

		received += frame[flags] >> 7;
		answered += frame[flags + 5]; /* ANCOUNT, its lower octet */
		*xsk_ring_prod__fill_addr(&ring.fill, fill++) = in->addr / FRAME * FRAME;
	}
	xsk_ring_prod__submit(&ring.fill, count);
	xsk_ring_cons__release(&ring.rx, count);
	return count;
}

int main(int argc, char **argv)
{
	if (argc != 10)
		return 2;
	double seconds = atof(argv[8]);
	long window = atol(argv[9]), flying = 0;

	ring_open(&ring, argv[1], "native", argv[2], ASKING);
	for (int n = 0; n < ASKING; n++)
		make(ring.memory + FRAME * n, argv, n);
	double start = now(), end = start + seconds;
	while (now() < end) {
		__u32 out = ask(window > flying ? window - flying : 0), in = gather();

		sent += out;
		flying += out;
		flying -= in < flying ? in : flying;
		if (out)
			ring_send(&ring);
		else if (!in && !ring_wait(&ring, 20))
			flying = 0; /* lost; ask anew */
	}
	end = now();
	ring_close(&ring);
	printf("%lu %lu %lu %.6f\n", sent, received, answered, end - start);
	return 0;
}
