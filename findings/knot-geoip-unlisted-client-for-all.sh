#!/bin/sh
# Knot's geoip module says of a client in no listed network that its answer is for everybody, and unbound gives it to all.
#
# Expected: RFC 7871 section 7.2.1 has SCOPE PREFIX-LENGTH say for whom an answer is. Where www has other addresses
# for other networks, the answer for a client of none of them is for no more than what lies around it: gdnsd, which has
# the same networks, says /5 here, up to where the next listed network begins.
# Seen: Knot gives the zone's own record with SCOPE 0. So whoever asks first decides: once a client of no listed network
# has asked, a resolver that heeds the scope gives that answer to clients of listed networks too, for a whole TTL.
# Needs Debian 12's archive in apt's sources, and apt-get update.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check dnspython==2.9.2
mkdir -p debs/partial root && : >status
apt-get -qq -y --download-only --no-install-recommends -o Dir::State::status="$work/status" \
    -o Dir::Cache::archives="$work/debs" install knot=3.2.6-1 knot-module-geoip=3.2.6-1 \
    unbound=1.17.1-2+deb12u4 >apt.log 2>&1 || { cat apt.log; exit 2; }
for deb in debs/*.deb; do dpkg -x "$deb" root; done

cat > try.py <<'PY'
import contextlib
import pathlib
import socket
import subprocess
import sys
import time

import dns.edns
import dns.exception
import dns.message
import dns.query

HERE = pathlib.Path.cwd()
ROOT = HERE / "root"
LIBRARIES = f"{ROOT}/lib/x86_64-linux-gnu:{ROOT}/usr/lib/x86_64-linux-gnu"
LOADER = [ROOT / "lib64/ld-linux-x86-64.so.2", "--library-path", LIBRARIES]
MODULE = "usr/lib/x86_64-linux-gnu/knot/modules-3.2/geoip.so"
UNLISTED, LISTED = "203.0.113.0/24", "198.51.100.0/24"


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def ask(port, prefix, within=20):
    """The addresses of www.example., and the scope, for a client in `prefix`."""
    address, length = prefix.split("/")
    option = dns.edns.ECSOption(address, int(length))
    query = dns.message.make_query("www.example.", "A", use_edns=0, options=[option])
    response = dns.query.udp(query, "127.0.0.1", port=port, timeout=within)
    rows = [rdata.to_text() for rrset in response.answer for rdata in rrset]
    return rows, [o.scopelen for o in response.options if isinstance(o, dns.edns.ECSOption)]


@contextlib.contextmanager
def running(port, *command):
    with subprocess.Popen([*LOADER, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            for _ in range(100):
                with contextlib.suppress(dns.exception.Timeout, OSError):
                    ask(port, "127.0.0.0/8", 0.3)
                    break
                time.sleep(0.1)
            yield
        finally:
            server.terminate()


# Knot loads what is installed on this host by itself, and takes none twice.
LOADED = "" if pathlib.Path("/", MODULE).exists() else f"module:\n  - id: mod-geoip\n    file: {ROOT}/{MODULE}\n"
knot, unbound = free_port(), free_port()
(HERE / "run").mkdir()
(HERE / "example.zone").write_text("""$TTL 60
@ SOA ns.example.net. hostmaster.example.net. 1 7200 3600 1209600 60
@ NS ns.example.net.
www A 203.0.113.9
""")
(HERE / "geo.conf").write_text(f"""www.example.:
  - net: {LISTED}
    A: 192.0.2.2
  - net: 127.0.0.0/8
    A: 192.0.2.1
""")
(HERE / "knot.conf").write_text(f"""server:
  rundir: {HERE}/run
  listen: 127.0.0.1@{knot}
  edns-client-subnet: on
database:
  storage: {HERE}/run
{LOADED}mod-geoip:
  - id: networks
    mode: subnet
    config-file: {HERE}/geo.conf
zone:
  - domain: example.
    file: {HERE}/example.zone
    zonefile-sync: -1
    module: mod-geoip/networks
""")
(HERE / "unbound.conf").write_text(f"""server:
  interface: 127.0.0.1
  port: {unbound}
  directory: "{HERE}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  num-threads: 1
  do-ip6: no
  do-daemonize: no
  do-not-query-localhost: no
  access-control: 127.0.0.0/8 allow
  module-config: "subnetcache iterator"
  send-client-subnet: 127.0.0.1
  client-subnet-always-forward: yes
stub-zone:
  name: "example."
  stub-addr: 127.0.0.1@{knot}
remote-control:
  control-enable: no
""")

for program in ("knotd", "unbound"):
    said = subprocess.run([*LOADER, ROOT / "usr/sbin" / program, "-V"], capture_output=True, text=True)
    print(said.stdout.splitlines()[0])
seen = []
with running(knot, ROOT / "usr/sbin/knotd", "-c", HERE / "knot.conf"):
    for client in (LISTED, UNLISTED):
        seen.append(ask(knot, client))
        print(f"Knot, client in {client}: {seen[-1][0]}, scope {seen[-1][1]}")
    with running(unbound, ROOT / "usr/sbin/unbound", "-d", "-p", "-c", HERE / "unbound.conf"):
        for client in (LISTED, UNLISTED, LISTED):
            seen.append(ask(unbound, client))
            print(f"unbound, client in {client}: {seen[-1][0]}, scope {seen[-1][1]}")
zones_own, listed = (["203.0.113.9"], [0]), (["192.0.2.2"], [24])
expected = [listed, zones_own, listed, zones_own, zones_own]
sys.exit(0 if seen == expected else f"this has changed: {seen}")
PY
venv/bin/python try.py
