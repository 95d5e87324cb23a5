/* echo over AF_XDP: swaps addresses and ports, sets QR, sends the frame it came in.
 *
 *   echo_xsk INTERFACE native|generic OBJECT       until SIGTERM; "ready" once it answers
 */
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <signal.h>

#include "ring.h"

#define BATCH 64

static volatile sig_atomic_t stopped;

static void stop(int signal_number)
{
	(void)signal_number;
	stopped = 1;
}

static void turn(__u8 *frame)
{
	struct ethhdr *eth = (void *)frame;
	struct iphdr *ip = (void *)(eth + 1);
	struct udphdr *udp = (void *)(ip + 1);
	__u16 *flags = (__u16 *)(udp + 1) + 1;
	__u8 mac[ETH_ALEN];
	__u32 address = ip->saddr;
	__u16 port = udp->source;

	memcpy(mac, eth->h_source, ETH_ALEN);
	memcpy(eth->h_source, eth->h_dest, ETH_ALEN);
	memcpy(eth->h_dest, mac, ETH_ALEN);
	ip->saddr = ip->daddr;
	ip->daddr = address;
	udp->source = udp->dest;
	udp->dest = port;
	*flags |= 0x80; /* QR, the first bit of the word on the wire */
	if (udp->check) {
		__u32 sum = (__u16)~udp->check + 0x80u;
		udp->check = ~((sum & 0xffff) + (sum >> 16));
		if (!udp->check)
			udp->check = 0xffff;
	}
}

static void recycle(struct ring *ring)
{
	__u32 done, fill, count = xsk_ring_cons__peek(&ring->done, RING, &done);

	if (!count)
		return;
	if (xsk_ring_prod__reserve(&ring->fill, count, &fill) != count) {
		fprintf(stderr, "the fill ring has as many places as there are frames\n");
		exit(1);
	}
	for (__u32 n = 0; n < count; n++)
		*xsk_ring_prod__fill_addr(&ring->fill, fill++) =
			*xsk_ring_cons__comp_addr(&ring->done, done++) / FRAME * FRAME;
	xsk_ring_prod__submit(&ring->fill, count);
	xsk_ring_cons__release(&ring->done, count);
}

static __u32 echo(struct ring *ring)
{
	__u32 rx, tx, count = xsk_ring_cons__peek(&ring->rx, BATCH, &rx);

	if (!count)
		return 0;
	count = xsk_ring_prod__reserve(&ring->tx, count, &tx) ? count : 0;
	for (__u32 n = 0; n < count; n++) {
		const struct xdp_desc *in = xsk_ring_cons__rx_desc(&ring->rx, rx++);
		struct xdp_desc *out = xsk_ring_prod__tx_desc(&ring->tx, tx++);

		turn(xsk_umem__get_data(ring->memory, in->addr));
		out->addr = in->addr;
		out->len = in->len;
		out->options = 0;
	}
	xsk_ring_prod__submit(&ring->tx, count);
	xsk_ring_cons__release(&ring->rx, count);
	return count;
}

int main(int argc, char **argv)
{
	static struct ring ring;

	if (argc != 4)
		return 2;
	struct sigaction stopping = { .sa_handler = stop }; /* no SA_RESTART: poll returns */
	sigaction(SIGTERM, &stopping, NULL);
	ring_open(&ring, argv[1], argv[2], argv[3], 0);
	puts("ready");
	fflush(stdout);
	while (!stopped) {
		if (echo(&ring))
			ring_send(&ring);
		else
			ring_wait(&ring, 100);
		recycle(&ring);
	}
	ring_close(&ring);
	return 0;
}
