/* Kernel timestamps of received datagrams. */
#include "stamp.h"

#include <string.h>

static uint64_t nanoseconds(struct timespec time)
{
    return (uint64_t)time.tv_sec * 1000000000ull + (uint64_t)time.tv_nsec;
}

bool stamp_arrivals(int fd)
{
    int on = 1;
    return setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) == 0;
}

void stamp_room(struct msghdr *message, union stamp *stamp)
{
    message->msg_control = stamp;
    message->msg_controllen = sizeof *stamp;
}

uint64_t stamp_read(struct msghdr *message)
{
    for (struct cmsghdr *head = CMSG_FIRSTHDR(message); head; head = CMSG_NXTHDR(message, head))
        if (head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec time;
            memcpy(&time, CMSG_DATA(head), sizeof time);
            return nanoseconds(time);
        }
    return 0;
}

uint64_t stamp_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return nanoseconds(now);
}
