#!/bin/sh
# BIRD moves an IPv6 route of the kernel by a deletion and an addition; packets in between have no route.
#
# Expected: where the best route to a network goes and another is there, the kernel's is replaced
# (NLM_F_REPLACE): each packet goes one way or the other. So a planned withdrawal costs nobody a packet.
# Seen: so it is for IPv4. For IPv6 BIRD deletes the route, and then adds the other: who sends meanwhile
# has "Network is unreachable", on a busy core for as long as BIRD waits for its turn. A router that is
# Linux with BIRD loses IPv6 packets at each move of an anycast address that is planned well. A less
# specific route, to any edge that still answers, takes them.
# Needs Python 3, unshare, ip, and Debian 12's archive in apt's sources, with apt-get update.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir -p debs/partial root && : >status
apt-get -qq -y --download-only --no-install-recommends -o Dir::State::status="$work/status" \
    -o Dir::Cache::archives="$work/debs" install bird2=2.0.12-7 >apt.log 2>&1 || { cat apt.log; exit 2; }
for deb in debs/*.deb; do dpkg -x "$deb" root; done
cat >bird.conf <<'CONF'
log "bird.log" all;
router id 198.51.100.1;
protocol device {}
protocol kernel { ipv4 { import none; export all; }; }
protocol kernel { ipv6 { import none; export all; }; }
protocol static near4 { ipv4 { preference 210; }; route 192.0.2.53/32 via "near"; }
protocol static far4 { ipv4; route 192.0.2.53/32 via "far"; }
protocol static near6 { ipv6 { preference 210; }; route 2001:db8::53/128 via "near"; }
protocol static far6 { ipv6; route 2001:db8::53/128 via "far"; }
CONF
cat >try.py <<'PY'
import collections, signal, socket, subprocess, sys, time

LD = ["root/lib64/ld-linux-x86-64.so.2", "--library-path",
      "root/lib/x86_64-linux-gnu:root/usr/lib/x86_64-linux-gnu"]
MOVES = 300
ADDRESSES = {4: "192.0.2.53", 6: "2001:db8::53"}


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def birdc(*words):
    command = [*LD, "root/usr/sbin/birdc", "-s", "bird.ctl", *words]
    return subprocess.run(command, capture_output=True, text=True).stdout


def until(holds):
    for _ in range(1000):
        if holds():
            return
        time.sleep(0.01)
    sys.exit("it does not come to be: " + open("bird.log").read())


def send(family):
    """Send to the address until SIGTERM; then print how many had no route."""
    kind = socket.AF_INET6 if family == 6 else socket.AF_INET
    sending = socket.socket(kind, socket.SOCK_DGRAM)
    counts, ended = collections.Counter(), []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    while not ended:
        try:
            sending.sendto(b"x", (ADDRESSES[family], 9))
            counts["sent"] += 1
        except OSError as error:
            counts[error.strerror] += 1
    print(counts["sent"], sum(counts.values()) - counts["sent"], flush=True)


def moved(family):
    """Move the route to and fro while one sends; what was sent, and what had no route."""
    sender = subprocess.Popen([sys.executable, "try.py", str(family)], stdout=subprocess.PIPE, text=True)
    time.sleep(0.5)
    with open(f"changes{family}", "w") as file:
        changes = subprocess.Popen(["ip", f"-{family}", "monitor", "route"], stdout=file)
    for _ in range(MOVES):
        birdc("disable", f"near{family}")
        birdc("enable", f"near{family}")
    time.sleep(0.5)
    changes.terminate()
    changes.wait()
    sender.terminate()
    with open(f"changes{family}") as file:
        seen = [line for line in file if ADDRESSES[family] in line]
    sent, lost = map(int, sender.communicate()[0].split())
    deleted = sum(line.startswith("Deleted") for line in seen)
    print(f"IPv{family}: {2 * MOVES} moves: {deleted} deletions, {len(seen) - deleted} additions or "
          f"replacements; {sent:,} packets sent, {lost} had no route", flush=True)
    return deleted, lost


if len(sys.argv) > 1:
    sys.exit(send(int(sys.argv[1])))
ip("link", "set", "lo", "up")
for device in ("near", "far"):
    ip("link", "add", device, "type", "veth", "peer", "name", f"{device}-end")
    ip("link", "set", f"{device}-end", "up")
    ip("address", "add", f"198.51.100.{len(device)}/24", "dev", device)
    ip("link", "set", device, "arp", "off", "up")
bird = subprocess.Popen([*LD, "root/usr/sbin/bird", "-f", "-c", "bird.conf", "-s", "bird.ctl", "-P", "bird.pid"],
                        stderr=subprocess.DEVNULL)
try:
    until(lambda: "near" in subprocess.run(["ip", "-6", "route", "get", ADDRESSES[6]],
                                           capture_output=True, text=True).stdout)
    print(birdc("show", "status").splitlines()[1])
    four, six = moved(4), moved(6)
finally:
    bird.kill()
    bird.wait()
sys.exit(0 if four == (0, 0) and six[0] > 0 else "this has changed")
PY
uname -sr
if [ "$(id -u)" = 0 ]; then unshare -n python3 try.py; else unshare -rn python3 try.py; fi
