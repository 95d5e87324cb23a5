/* When the kernel had a datagram, by its own clock (SO_TIMESTAMPNS, socket(7)).

   Over loopback that is within the system call that sends it. So the time from a query's sending to
   its answer's stamp is the wait in the server's socket and the server, and not for how long whoever
   asks was off its core before it looked. Two things of the asker's stay: what was due while it was
   off its core is sent in a burst after it, whose queue counts; and a server that stalls in that very
   time is asked nothing, so that is not seen. */
#ifndef STAMP_H
#define STAMP_H
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>

/* Room for a stamp beside one received datagram. */
union stamp {
    struct cmsghdr head;    /* for its alignment */
    unsigned char octets[CMSG_SPACE(sizeof(struct timespec))];
};

/* Have what this socket receives be stamped; whether the kernel does. */
bool stamp_arrivals(int fd);

/* Have `message` received with its stamp in `stamp`. */
void stamp_room(struct msghdr *message, union stamp *stamp);

/* When the kernel had a received message, in ns of CLOCK_REALTIME; 0 where it did not say. */
uint64_t stamp_read(struct msghdr *message);

/* Now, by the same clock. */
uint64_t stamp_now(void);

#endif
