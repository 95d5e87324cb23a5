/* Thousands of endpoints in one process: every address of 127.0.0.0/8 on one port.

   crowd PLAIN [METRICS MODELS COMPLETION]: files, each of a whole HTTP response. The first answers
   whatever the others do not: GET /metrics, GET /v1/models, and POST. Ten `@` in a row stand for
   a counter of requests, in ten digits.

   Prints the port once it listens. Lines on standard input: `fail ADDRESS` has that one answer 503
   from now on, and each of those answers is told as `failed ADDRESS MONOTONIC`; `count` has the
   number of requests so far told. It leaves it to the client to close, and ends with its input. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 256, OCTETS = 8192, COUNTERS = 16, DIGITS = 10, HOSTS = 1 << 24 };

struct response {
    char *octets;
    size_t length, counters[COUNTERS];
    int count;
};

static struct response plain, metrics, models, completion;
static uint8_t failing[HOSTS / 8];
static int any_fails;
static unsigned long requests;

static const char failure[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
static const char counter[] = "@@@@@@@@@@";

static void read_response(struct response *response, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END)) {
        perror(path);
        exit(1);
    }
    response->length = (size_t)ftell(file);
    rewind(file);
    response->octets = calloc(1, response->length + 1);
    if (!response->octets || fread(response->octets, 1, response->length, file) != response->length)
        exit(1);
    fclose(file);
    for (char *at = response->octets; (at = strstr(at, counter)); at += DIGITS)
        if (response->count < COUNTERS)
            response->counters[response->count++] = (size_t)(at - response->octets);
}

static void send_all(int fd, const char *octets, size_t length)
{
    while (length) {
        ssize_t sent = send(fd, octets, length, MSG_NOSIGNAL);
        struct pollfd room = {.fd = fd, .events = POLLOUT};
        if (sent < 0 && (errno != EAGAIN || poll(&room, 1, 100) <= 0))
            return;
        if (sent > 0) {
            octets += sent;
            length -= (size_t)sent;
        }
    }
}

static void send_response(int fd, struct response *response)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%010lu", 1000000000 + requests % 1000000000);
    for (int n = 0; n < response->count; n++)
        memcpy(response->octets + response->counters[n], digits, DIGITS);
    send_all(fd, response->octets, response->length);
}

/* Whether the endpoint that `fd` is connected to fails; says so. */
static int fails(int fd)
{
    struct sockaddr_in here;
    socklen_t size = sizeof here;
    struct timespec now;
    if (!any_fails || getsockname(fd, (struct sockaddr *)&here, &size))
        return 0;
    uint32_t host = ntohl(here.sin_addr.s_addr) % HOSTS;
    if (!(failing[host / 8] >> host % 8 & 1))
        return 0;
    send_all(fd, failure, sizeof failure - 1);
    clock_gettime(CLOCK_MONOTONIC, &now);
    printf("failed %s %ld.%09ld\n", inet_ntoa(here.sin_addr), (long)now.tv_sec, now.tv_nsec);
    return 1;
}

static int begins(const char *request, const char *with)
{
    return !strncmp(request, with, strlen(with));
}

static void serve(int fd)
{
    char request[OCTETS + 1];
    ssize_t length = recv(fd, request, OCTETS, 0);
    if (length <= 0) {
        if (length == 0 || errno != EAGAIN)
            close(fd);
        return;
    }
    request[length] = 0;
    requests++;
    if (fails(fd))
        return;
    struct response *response = &plain;
    if (metrics.octets && begins(request, "GET /metrics"))
        response = &metrics;
    else if (metrics.octets && begins(request, "GET /v1/models"))
        response = &models;
    else if (metrics.octets && begins(request, "POST"))
        response = &completion;
    send_response(fd, response);
}

/* Takes the lines that have come; 0 at the end of the input. */
static int obey(void)
{
    static char lines[1 << 16];
    static size_t held;
    struct timespec now;
    ssize_t length = read(0, lines + held, sizeof lines - 1 - held);
    if (length <= 0)
        return 0;
    held += (size_t)length;
    lines[held] = 0;
    char *line = lines, *end;
    for (; (end = strchr(line, '\n')); line = end + 1) {
        struct in_addr host;
        *end = 0;
        if (begins(line, "fail ") && inet_aton(line + 5, &host)) {
            uint32_t number = ntohl(host.s_addr) % HOSTS;
            failing[number / 8] |= (uint8_t)(1 << number % 8);
            any_fails = 1;
        } else {
            clock_gettime(CLOCK_MONOTONIC, &now);
            printf("count %lu %ld.%09ld\n", requests, (long)now.tv_sec, now.tv_nsec);
        }
    }
    held -= (size_t)(line - lines);
    memmove(lines, line, held);
    return held < sizeof lines - 1;
}

static int listen_anywhere(void)
{
    struct sockaddr_in here = {.sin_family = AF_INET};
    socklen_t size = sizeof here;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), room = 256 * 1024;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room) ||
        bind(fd, (struct sockaddr *)&here, sizeof here) || listen(fd, 65535) ||
        getsockname(fd, (struct sockaddr *)&here, &size)) {
        perror("crowd");
        exit(1);
    }
    printf("%d\n", ntohs(here.sin_port));
    return fd;
}

static void watch(int epoll, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event)) {
        perror("crowd");
        exit(1);
    }
}

int main(int count, char **words)
{
    struct response *given[] = {&plain, &metrics, &models, &completion};
    struct epoll_event events[BATCH];
    if (count != 2 && count != 5)
        return 2;
    for (int n = 1; n < count; n++)
        read_response(given[n - 1], words[n]);
    int epoll = epoll_create1(0), listener = listen_anywhere();
    watch(epoll, listener);
    watch(epoll, 0);
    for (;;) {
        fflush(stdout);
        int ready = epoll_wait(epoll, events, BATCH, -1);
        for (int n = 0; n < ready; n++) {
            int fd = events[n].data.fd, client;
            if (fd == 0) {
                if (!obey())
                    return 0;
            } else if (fd != listener) {
                serve(fd);
            } else {
                while ((client = accept4(fd, NULL, NULL, SOCK_NONBLOCK)) >= 0)
                    watch(epoll, client);
            }
        }
    }
}
