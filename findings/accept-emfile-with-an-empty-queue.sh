#!/bin/sh
# accept(2) fails with EMFILE although no connection waits to be accepted.
#
# Expected: on a non-blocking listening socket without a waiting connection, accept(2) fails with EAGAIN,
# however many descriptors are open. EMFILE is taken to mean: somebody waits, and cannot be let in.
# Seen: Linux takes the descriptor before it looks at the queue, so with none left accept(2) says EMFILE
# for an empty queue. A server that closes an idle connection at each EMFILE and tries again closes one
# more than it needed to, for nobody; one that polls the listening socket first does not.
# Needs Python 3 alone; what is tried is the kernel.
set -eu
uname -sr
python3 - <<'PY'
import errno
import resource
import select
import socket
import sys


def accepted(listening):
    try:
        listening.accept()[0].close()
        return "accepted"
    except OSError as wrong:
        return errno.errorcode[wrong.errno]


def waits(listening):
    poll = select.poll()
    poll.register(listening, select.POLLIN)
    return bool(poll.poll(1000 if client.fileno() in connected else 0))


connected = set()
listening = socket.create_server(("127.0.0.1", 0))
listening.setblocking(False)
client = socket.socket()
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
results = []
for limit, connect in ((hard, False), (client.fileno() + 1, False), (client.fileno() + 1, True), (hard, True)):
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    if connect and not connected:
        client.connect(listening.getsockname())
        connected.add(client.fileno())
    results.append((waits(listening), accepted(listening)))
    print(f"descriptors left: {limit == hard!s:5}  a connection waits: {results[-1][0]!s:5}  accept: {results[-1][1]}")
expected = [(False, "EAGAIN"), (False, "EMFILE"), (True, "EMFILE"), (True, "accepted")]
sys.exit(0 if results == expected else "this has changed")
PY
