#!/bin/sh
# A client that opts out of client subnets is nobody's to Knot's and PowerDNS's geo modules, and the resolver's to gdnsd.
#
# Expected: SOURCE PREFIX-LENGTH 0 (RFC 7871 section 7.1.2) says that no address of the client's is to be had. Then a server
# goes by who asks, as it does for a query without the option.
# Seen: gdnsd does. Knot and PowerDNS look for 0.0.0.0 among the networks and give what clients of no listed network
# get; with a subnet of the resolver's own, or none, both give the resolver its own. So behind a resolver that honours the
# opt-out, those who ask for privacy are sent wherever the default is. PowerDNS says SCOPE 24 to it.
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
    pdns-server=4.7.3-2 pdns-backend-geoip=4.7.3-2 gdnsd=3.8.1-1 >apt.log 2>&1 || { cat apt.log; exit 2; }
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
OPTED_OUT, RESOLVER = "0.0.0.0/0", "127.0.0.1/32"


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def ask(port, prefix=None, within=20):
    """The addresses of www.example., and the scope, with the client subnet `prefix` or none."""
    options = []
    if prefix is not None:
        address, length = prefix.split("/")
        options = [dns.edns.ECSOption(address, int(length))]
    query = dns.message.make_query("www.example.", "A", use_edns=0, options=options)
    response = dns.query.udp(query, "127.0.0.1", port=port, timeout=within)
    rows = [rdata.to_text() for rrset in response.answer for rdata in rrset]
    return rows, [o.scopelen for o in response.options if isinstance(o, dns.edns.ECSOption)]


def trial(name, port, *command):
    with subprocess.Popen([*LOADER, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            for _ in range(100):
                with contextlib.suppress(dns.exception.Timeout, OSError):
                    ask(port, within=0.3)
                    break
                time.sleep(0.1)
            seen = [ask(port, prefix) for prefix in (None, RESOLVER, OPTED_OUT)]
            for what, (rows, scope) in zip(("no option", RESOLVER, OPTED_OUT), seen):
                print(f"{name}, {what}: {rows}, scope {scope}")
            return seen
        finally:
            server.terminate()


# Knot loads what is installed on this host by itself, and takes none twice.
LOADED = "" if pathlib.Path("/", MODULE).exists() else f"module:\n  - id: mod-geoip\n    file: {ROOT}/{MODULE}\n"
for each in ("run", "gdnsd/zones", "state"):
    (HERE / each).mkdir(parents=True)
zone = """@ SOA ns.example.net. hostmaster.example.net. 1 7200 3600 1209600 60
@ NS ns.example.net.
"""
knot, pdns, gdnsd = free_port(), free_port(), free_port()
(HERE / "example.zone").write_text(f"$TTL 60\n{zone}www A 203.0.113.9\n")
(HERE / "geo.conf").write_text("www.example.:\n  - net: 127.0.0.0/8\n    A: 192.0.2.1\n")
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
(HERE / "zones.yaml").write_text("""domains:
- domain: example
  ttl: 60
  records:
    example:
      - soa: ns.example.net. hostmaster.example.net. 1 7200 3600 1209600 60
      - ns: ns.example.net.
    other.example:
      - a: 203.0.113.9
    near.example:
      - a: 192.0.2.1
  services:
    www.example:
      default: [ 'other.example' ]
      127.0.0.0/8: [ 'near.example' ]
      198.51.100.0/24: [ 'near.example' ]
""")
(HERE / "pdns.conf").write_text(f"""launch=geoip
geoip-database-files=
geoip-zones-file={HERE}/zones.yaml
edns-subnet-processing=yes
local-address=127.0.0.1
local-port={pdns}
socket-dir={HERE}
module-dir={ROOT}/usr/lib/x86_64-linux-gnu/pdns
""")
(HERE / "gdnsd/zones/example").write_text(zone + "www 60 DYNA geoip!www\n")
(HERE / "gdnsd/config").write_text(f"""options => {{
  listen => "127.0.0.1:{gdnsd}"
  run_dir => "{HERE}/state"
  state_dir => "{HERE}/state"
}}
plugins => {{ geoip => {{
  maps => {{ networks => {{ datacenters => [other, near], nets => {{ 127.0.0.0/8 => [near] }} }} }}
  resources => {{ www => {{ map => networks, dcmap => {{ other => 203.0.113.9, near => 192.0.2.1 }} }} }}
}} }}
""")

seen = {
    "gdnsd": trial("gdnsd 3.8.1", gdnsd, ROOT / "usr/sbin/gdnsd", "-c", HERE / "gdnsd", "start"),
    "knot": trial("Knot 3.2.6", knot, ROOT / "usr/sbin/knotd", "-c", HERE / "knot.conf"),
    "pdns": trial("PowerDNS 4.7.3", pdns, ROOT / "usr/sbin/pdns_server", f"--config-dir={HERE}"),
}
near, other = ["192.0.2.1"], ["203.0.113.9"]
expected = {
    "gdnsd": [(near, []), (near, [8]), (near, [0])],
    "knot": [(near, []), (near, [8]), (other, [0])],
    "pdns": [(near, []), (near, [24]), (other, [24])],
}
sys.exit(0 if seen == expected else f"this has changed: {seen}")
PY
venv/bin/python try.py
