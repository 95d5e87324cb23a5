#!/bin/sh
# With SO_REUSEPORT, bind(2) to port 0 may pick a UDP port that others hold; dig then hears its own query.
#
# Expected: port 0 asks for a free port (ip(7)), and with none left bind fails with EADDRINUSE. Sharing
# a port is for those who name it.
# Seen: Linux counts a port as free for whoever has SO_REUSEPORT while its holders have it too, under
# the same user. 64 sockets get "a free port" out of four. dig 9.18 sets it, so on one host with a server
# that listens, with SO_REUSEPORT, on a port of the ephemeral range (as servers in tests do, which let
# the kernel choose), it now and then sends from the server's own port: the kernel may give it its own
# query, "query response not set", and the server never sees that, or gets another's answer.
# Needs Python 3, unshare, ip, and Debian 12's archive in apt's sources, with apt-get update.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir -p debs/partial root && : >status
apt-get -qq -y --download-only --no-install-recommends -o Dir::State::status="$work/status" \
    -o Dir::Cache::archives="$work/debs" install bind9-dnsutils=1:9.18.49-1~deb12u3 >apt.log 2>&1 || { cat apt.log; exit 2; }
for deb in debs/*.deb; do dpkg -x "$deb" root; done
cat >try.py <<'PY'
import pathlib, select, socket, subprocess, sys

DIG = ["root/lib64/ld-linux-x86-64.so.2", "--library-path",
       "root/lib/x86_64-linux-gnu:root/usr/lib/x86_64-linux-gnu", "root/usr/bin/dig"]
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").write_text("40000 40003")


def udp(port, shared):
    new = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    if shared:
        new.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    new.bind(("127.0.0.1", port))
    return new


def picked(shared):
    """How many of 64 sockets get a port of the four, and how many ports those are."""
    held = []
    try:
        held += (udp(0, shared) for _ in range(64))
    except OSError:
        pass
    ports = {each.getsockname()[1] for each in held}
    count = len(held)
    for each in held:
        each.close()
    return count, len(ports)


def own_queries(shared, rounds=60):
    """How many of these digs hear their own query, beside a server that answers all it gets."""
    server = udp(40001, shared)
    seen = 0
    for _ in range(rounds):
        asking = subprocess.Popen(
            [*DIG, "@127.0.0.1", "-p", "40001", "+tries=1", "+time=1", "example."],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        while asking.poll() is None:
            if select.select([server], [], [], 0.01)[0]:
                query, client = server.recvfrom(512)
                server.sendto(query[:2] + bytes([query[2] | 0x80]) + query[3:], client)
        seen += "query response not set" in asking.stdout.read()
    server.close()
    return seen


subprocess.run([*DIG, "-v"], check=True)
results = []
for shared in (False, True):
    count, ports = picked(shared)
    own = own_queries(shared)
    print(f"SO_REUSEPORT {shared!s:5}: {count} of 64 sockets bound, to {ports} of 4 ports; dig heard itself: {own > 0}", flush=True)
    results.append((count, own > 0))
count, _ = results[0]
sys.exit(0 if count <= 4 and results[1] == (64, True) and not results[0][1] else "this has changed")
PY
uname -sr
if [ "$(id -u)" = 0 ]; then unshare -n python3 try.py; else unshare -rn python3 try.py; fi
