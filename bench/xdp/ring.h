/* One AF_XDP socket on queue 0 of an interface, with its rings: what the echo and the load
 * share. Frames below `receiving` belong to the sender, the rest to the receive path. */
#ifndef RING_H
#define RING_H

#include <errno.h>
#include <linux/if_link.h>
#include <linux/if_xdp.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <xdp/xsk.h>

#define FRAME 2048
#define FRAMES 8192
#define RING 4096

struct ring {
	struct xsk_socket *socket;
	struct xsk_umem *umem;
	struct xsk_ring_prod fill, tx;
	struct xsk_ring_cons done, rx;
	__u8 *memory;
	int file, interface;
	__u32 mode;
};

static inline void fail(const char *what)
{
	perror(what);
	exit(1);
}

static inline void ring_attach(struct ring *ring, const char *object_path)
{
	struct bpf_object *object = bpf_object__open_file(object_path, NULL);
	__u32 queue = 0;

	if (!object || bpf_object__load(object))
		fail("load");
	int program = bpf_program__fd(bpf_object__find_program_by_name(object, "redirect"));
	int sockets = bpf_object__find_map_fd_by_name(object, "sockets");
	if (bpf_map_update_elem(sockets, &queue, &ring->file, BPF_ANY) ||
	    bpf_xdp_attach(ring->interface, program, ring->mode, NULL))
		fail("attach");
}

static inline void ring_open(struct ring *ring, const char *interface, const char *mode,
			     const char *object_path, int receiving)
{
	struct xsk_umem_config frames = { .fill_size = RING, .comp_size = RING,
					  .frame_size = FRAME };
	struct xsk_socket_config config = {
		.rx_size = RING, .tx_size = RING, .bind_flags = XDP_COPY | XDP_USE_NEED_WAKEUP,
		.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD };
	__u32 at = 0;
	int error;

	ring->interface = if_nametoindex(interface);
	ring->mode = strcmp(mode, "native") ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE;
	ring->memory = mmap(NULL, FRAME * FRAMES, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (ring->memory == MAP_FAILED ||
	    xsk_umem__create(&ring->umem, ring->memory, FRAME * FRAMES, &ring->fill, &ring->done,
			     &frames))
		fail("umem");
	/* The kernel gives up the queue of a socket that was closed only some time later. */
	for (int tries = 0; (error = xsk_socket__create(&ring->socket, interface, 0, ring->umem,
							&ring->rx, &ring->tx, &config)); tries++) {
		if (error != -EBUSY || tries == 200)
			fail("AF_XDP");
		usleep(10000);
	}
	ring->file = xsk_socket__fd(ring->socket);
	ring_attach(ring, object_path);
	xsk_ring_prod__reserve(&ring->fill, RING, &at);
	for (int n = 0; n < RING; n++)
		*xsk_ring_prod__fill_addr(&ring->fill, at++) = (__u64)FRAME * (receiving + n);
	xsk_ring_prod__submit(&ring->fill, RING);
}

static inline void ring_close(struct ring *ring)
{
	bpf_xdp_detach(ring->interface, ring->mode, NULL);
	xsk_socket__delete(ring->socket);
	xsk_umem__delete(ring->umem);
}

/* Have the kernel send what was submitted. Full queues are not errors: they empty. */
static inline void ring_send(struct ring *ring)
{
	if (sendto(ring->file, NULL, 0, MSG_DONTWAIT, NULL, 0) < 0 && errno != EAGAIN &&
	    errno != EBUSY && errno != ENOBUFS)
		fail("send");
}

static inline int ring_wait(struct ring *ring, int milliseconds)
{
	struct pollfd poll_file = { ring->file, POLLIN, 0 };

	return poll(&poll_file, 1, milliseconds);
}

#endif
