#!/bin/sh
# After BFD has lost a BGP session for a moment BIRD waits a minute, after the next loss two.
#
# Expected: BFD is there to find a loss in a fraction of a second; once it sees the neighbour again, the
# session comes back as fast. `connect delay time` (5 s) and `connect retry time` say how long that takes.
# Seen: a loss that BFD has found counts as an error of the protocol. BIRD waits `error wait time`, 60 s by
# default, doubled by each loss in `error forget time` (300 s), up to 300 s, however soon the neighbour is
# there again. A hypervisor that holds a virtual machine for two seconds takes it out of anycast for a
# minute, and the second time for two. Write `error wait time 1, 5`, at both ends.
# Needs Python 3, unshare, nsenter, ip, and Debian 12's archive in apt's sources, with apt-get update. It
# takes a minute and a half.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir -p debs/partial root && : >status
apt-get -qq -y --download-only --no-install-recommends -o Dir::State::status="$work/status" \
    -o Dir::Cache::archives="$work/debs" install bird2=2.0.12-7 >apt.log 2>&1 || { cat apt.log; exit 2; }
for deb in debs/*.deb; do dpkg -x "$deb" root; done
cat >try.py <<'PY'
import pathlib, signal, subprocess, sys, time

LD = ["root/lib64/ld-linux-x86-64.so.2", "--library-path",
      "root/lib/x86_64-linux-gnu:root/usr/lib/x86_64-linux-gnu"]
CONFIG = """
log "{name}.log" all;
router id 198.51.100.{own};
protocol device {{}}
protocol bfd {{ interface "*" {{ interval 200 ms; multiplier 5; }}; }}
protocol bgp peer {{
  local 198.51.100.{own} as 6450{own}; neighbor 198.51.100.{other} as 6450{other};
  bfd;
  ipv4 {{ import all; export all; }};
}}
"""
STOP = 2


def ip(*words, inside=()):
    subprocess.run([*inside, "ip", *words], check=True)


class Bird:
    def __init__(self, name, own, inside=()):
        self.name, self.inside = name, inside
        pathlib.Path(f"{name}.conf").write_text(CONFIG.format(name=name, own=own, other=3 - own))
        self.process = subprocess.Popen(
            [*inside, *LD, "root/usr/sbin/bird", "-f", "-c", f"{name}.conf", "-s", f"{name}.ctl", "-P",
             f"{name}.pid"], stderr=subprocess.DEVNULL)

    def says(self, *words):
        command = [*LD, "root/usr/sbin/birdc", "-s", f"{self.name}.ctl", "show", *words]
        return subprocess.run(command, capture_output=True, text=True).stdout

    def established(self):
        return "Established" in self.says("protocols", "peer")

    def sees(self):
        return " Up " in self.says("bfd", "sessions")

    def waits(self):
        """Of how many seconds it says that it waits; 0 while it does not."""
        lines = [line for line in self.says("protocols", "all", "peer").splitlines() if "Error wait:" in line]
        return int(lines[0].rpartition("/")[2]) if lines else 0


def until(holds, within=30):
    begun = time.monotonic()
    while not holds():
        if time.monotonic() > begun + within:
            sys.exit("it does not come to be: " + pathlib.Path("near.log").read_text()[-2000:])
        time.sleep(0.05)
    return time.monotonic() - begun


def stand_still(bird):
    bird.process.send_signal(signal.SIGSTOP)
    time.sleep(STOP)
    bird.process.send_signal(signal.SIGCONT)
    until(lambda: not near.established())


there = subprocess.Popen(["unshare", "-n", "sleep", "600"])
processes = [there]
try:
    until(lambda: pathlib.Path(f"/proc/{there.pid}/comm").read_text() == "sleep\n")
    inside = ("nsenter", f"--net=/proc/{there.pid}/ns/net")
    ip("link", "add", "near", "type", "veth", "peer", "name", "far", "netns", str(there.pid))
    ip("address", "add", "198.51.100.1/24", "dev", "near")
    ip("link", "set", "near", "up")
    ip("address", "add", "198.51.100.2/24", "dev", "far", inside=inside)
    ip("link", "set", "far", "up", inside=inside)
    near, far = Bird("near", 1), Bird("far", 2, inside)
    processes += [near.process, far.process]
    until(near.established)
    until(near.sees)
    print(near.says("status").splitlines()[1])
    stand_still(far)
    begun = time.monotonic()
    until(near.waits)
    first = near.waits()
    until(near.established, 200)
    back = time.monotonic() - begun
    print(f"one of them stands still for {STOP} s: BIRD waits {first} s, and the session is "
          f"back after {back:.0f} s")
    until(near.sees)
    stand_still(far)
    until(near.waits)
    second = near.waits()
    print(f"once more: BIRD waits {second} s")
finally:
    for process in processes:
        process.kill()
        process.wait()
sys.exit(0 if (first, second) == (60, 120) and back > 55 else "this has changed")
PY
uname -sr
if [ "$(id -u)" = 0 ]; then unshare -n python3 try.py; else unshare -rn python3 try.py; fi
