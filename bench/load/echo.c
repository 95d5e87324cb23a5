/* The least a UDP server can do: every datagram goes back, as a response.

   echo PORT THREADS [OCTETS]: each thread has a socket of its own (SO_REUSEPORT) on loopback, and
   receives and sends up to 32 datagrams in one system call. OCTETS is the socket's SO_RCVBUF. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { BATCH = 32, OCTETS = 2048 };

struct batch {
    struct mmsghdr messages[BATCH];
    struct iovec parts[BATCH];
    struct sockaddr_in clients[BATCH];
    uint8_t octets[BATCH][OCTETS];
};

static int receive_buffer;      /* 0 leaves it as the system has it */

static int listen_on(unsigned port)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_DGRAM, 0), on = 1;
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) ||
        (receive_buffer && setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer,
                                      sizeof receive_buffer)) ||
        bind(fd, (struct sockaddr *)&here, sizeof here)) {
        perror("echo");
        exit(1);
    }
    return fd;
}

static void *serve(void *argument)
{
    int fd = (int)(intptr_t)argument;
    struct batch *batch = calloc(1, sizeof *batch);
    if (!batch)
        exit(1);
    for (;;) {
        for (int n = 0; n < BATCH; n++) {
            batch->parts[n] = (struct iovec){batch->octets[n], OCTETS};
            batch->messages[n].msg_hdr = (struct msghdr){
                .msg_name = &batch->clients[n], .msg_namelen = sizeof batch->clients[n],
                .msg_iov = &batch->parts[n], .msg_iovlen = 1};
        }
        int count = recvmmsg(fd, batch->messages, BATCH, MSG_WAITFORONE, NULL);
        for (int n = 0; n < count; n++) {
            batch->octets[n][2] |= 0x80;
            batch->parts[n].iov_len = batch->messages[n].msg_len;
        }
        for (int done = 0, some; done < count; done += some)
            if ((some = sendmmsg(fd, batch->messages + done, (unsigned)(count - done), 0)) <= 0)
                break;
    }
    return NULL;
}

int main(int count, char **words)
{
    if (count != 3 && count != 4)
        return 2;
    if (count == 4)
        receive_buffer = atoi(words[3]);
    unsigned port = (unsigned)atoi(words[1]);
    for (int threads = atoi(words[2]); threads > 1; threads--) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)listen_on(port)))
            return 1;
    }
    serve((void *)(intptr_t)listen_on(port));
    return 1;
}
