/* echo over a UDP socket: recvmmsg, QR set, sendmmsg, in batches of 32.
 *
 *   echo_socket ADDRESS       port 53, until it is killed; "ready" once it answers
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BATCH 32
#define ROOM 1232

static char octets[BATCH][ROOM];
static struct sockaddr_in sources[BATCH];
static struct iovec pieces[BATCH];
static struct mmsghdr messages[BATCH];

int main(int argc, char **argv)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons(53) };
	int file = socket(AF_INET, SOCK_DGRAM, 0);

	if (argc != 2 || inet_pton(AF_INET, argv[1], &here.sin_addr) != 1 ||
	    bind(file, (struct sockaddr *)&here, sizeof(here))) {
		perror("echo_socket");
		return 1;
	}
	puts("ready");
	fflush(stdout);
	for (;;) {
		for (int n = 0; n < BATCH; n++) {
			pieces[n] = (struct iovec){ octets[n], ROOM };
			messages[n].msg_hdr = (struct msghdr){ .msg_name = &sources[n],
							       .msg_namelen = sizeof(here),
							       .msg_iov = &pieces[n],
							       .msg_iovlen = 1 };
		}
		int count = recvmmsg(file, messages, BATCH, MSG_WAITFORONE, NULL);
		for (int n = 0; n < count; n++) {
			octets[n][2] |= 0x80;
			pieces[n].iov_len = messages[n].msg_len;
		}
		for (int sent = 0; sent < count;) {
			int now = sendmmsg(file, messages + sent, count - sent, 0);
			sent += now > 0 ? now : 1; /* what cannot be sent is lost */
		}
	}
}
