#!/bin/sh
# PowerDNS's geoip backend gives what one client with an IPv6 subnet got to every IPv4 client, out of its own query cache.
#
# Expected: a service that has addresses for IPv4 networks and a default gives each client its own, whoever asked before:
# with query-cache-ttl=0 it does.
# Seen: where networks of one family alone are listed, the answer to a client subnet (RFC 7871) of the other family has
# SCOPE 0, as if it were for everybody, and the backend's query cache takes it at its word: for 20 s (query-cache-ttl)
# listed IPv4 clients get the default, with SCOPE 0 too, which a resolver may then keep for the record's TTL.
# Needs Debian 12's archive in apt's sources, and apt-get update.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check dnspython==2.9.2
mkdir -p debs/partial root && : >status
apt-get -qq -y --download-only --no-install-recommends -o Dir::State::status="$work/status" \
    -o Dir::Cache::archives="$work/debs" install pdns-server=4.7.3-2 pdns-backend-geoip=4.7.3-2 \
    >apt.log 2>&1 || { cat apt.log; exit 2; }
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
PDNS = [ROOT / "lib64/ld-linux-x86-64.so.2", "--library-path", LIBRARIES, ROOT / "usr/sbin/pdns_server"]
LISTED, OTHER_FAMILY = "198.51.100.0/24", "2001:db8::/32"


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def ask(port, name, prefix, within=20):
    """The addresses of a name, and the scope, for a client in `prefix`."""
    address, length = prefix.split("/")
    option = dns.edns.ECSOption(address, int(length))
    query = dns.message.make_query(name, "A", use_edns=0, options=[option])
    response = dns.query.udp(query, "127.0.0.1", port=port, timeout=within)
    rows = [rdata.to_text() for rrset in response.answer for rdata in rrset]
    return rows, [o.scopelen for o in response.options if isinstance(o, dns.edns.ECSOption)]


def trial(query_cache_ttl):
    port = free_port()
    command = [*PDNS, f"--config-dir={HERE}", f"--local-port={port}", f"--query-cache-ttl={query_cache_ttl}"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            for _ in range(100):
                with contextlib.suppress(dns.exception.Timeout, OSError):
                    ask(port, "other.example.", LISTED, 0.3)
                    break
                time.sleep(0.1)
            seen = []
            for client in (LISTED, OTHER_FAMILY, LISTED):
                seen.append(ask(port, "www.example.", client))
                print(f"  client in {client}: {seen[-1][0]}, scope {seen[-1][1]}")
            return seen
        finally:
            server.terminate()


(HERE / "zones.yaml").write_text(f"""domains:
- domain: example
  ttl: 60
  records:
    example:
      - soa: ns.example.net. hostmaster.example.net. 1 7200 3600 1209600 60
      - ns: ns.example.net.
    other.example:
      - a: 203.0.113.9
    near.example:
      - a: 192.0.2.2
  services:
    www.example:
      default: [ 'other.example' ]
      {LISTED}: [ 'near.example' ]
""")
(HERE / "pdns.conf").write_text(f"""launch=geoip
geoip-database-files=
geoip-zones-file={HERE}/zones.yaml
edns-subnet-processing=yes
local-address=127.0.0.1
socket-dir={HERE}
module-dir={ROOT}/usr/lib/x86_64-linux-gnu/pdns
""")
said = subprocess.run([*PDNS, "--version"], capture_output=True, text=True)
print((said.stderr or said.stdout).splitlines()[0])
results = {}
for seconds in (20, 0):
    print(f"with query-cache-ttl={seconds}")
    results[seconds] = trial(seconds)
listed, default = (["192.0.2.2"], [24]), (["203.0.113.9"], [0])
expected = {20: [listed, default, default], 0: [listed, default, listed]}
sys.exit(0 if results == expected else f"this has changed: {results}")
PY
venv/bin/python try.py
