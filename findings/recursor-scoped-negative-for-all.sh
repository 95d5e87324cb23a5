#!/bin/sh
# PowerDNS Recursor keeps a NODATA or SERVFAIL that is scoped to one client subnet for every client.
#
# Expected: an answer with a client subnet's scope (RFC 7871 section 7.3.1) is for that subnet, whatever it
# holds: positive answers of the same server are kept apart by their scope.
# Seen: the first client whose subnet has no address (NOERROR without records, SCOPE 24) takes the name
# away from clients of all other subnets for the negative TTL of the SOA, and SERVFAIL does the same. The
# authoritative server is not asked again. With the clients in the other order each gets its own answer.
# Needs Debian 12's archive in apt's sources, and apt-get update.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check dnspython==2.9.2
mkdir -p debs/partial root && : >status
apt-get -qq -y --download-only --no-install-recommends -o Dir::State::status="$work/status" \
    -o Dir::Cache::archives="$work/debs" install pdns-recursor=4.8.8-1+deb12u1 >apt.log 2>&1 || { cat apt.log; exit 2; }
for deb in debs/*.deb; do dpkg -x "$deb" root; done

cat > try.py <<'PY'
import pathlib
import socket
import subprocess
import sys
import threading
import time

import dns.edns
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rrset

ROOT = pathlib.Path("root").resolve()
LOADER = [ROOT / "lib64/ld-linux-x86-64.so.2", "--library-path", f"{ROOT}/lib/x86_64-linux-gnu:{ROOT}/usr/lib/x86_64-linux-gnu"]
asked = []


def subnets(message):
    return [option for option in message.options if isinstance(option, dns.edns.ECSOption)]


def serve(sock, kind):
    """An address for every subnet but 198.51.100.0/24, which has `kind` alone; all scoped to /24."""
    while True:
        wire, peer = sock.recvfrom(4096)
        query = dns.message.from_wire(wire)
        response = dns.message.make_response(query)
        response.flags |= dns.flags.AA
        question, sent = query.question[0], subnets(query)
        if question.name.to_text().lower() == "www.example." and sent:
            asked.append(f"{sent[0].address}/{sent[0].srclen}")
            response.use_edns(0, options=[dns.edns.ECSOption(sent[0].address, sent[0].srclen, 24)])
        soa = dns.rrset.from_text("example.", 60, "IN", "SOA", "ns. host. 1 3600 900 604800 60")
        if sent and sent[0].address.startswith("198.51.100."):
            if kind == "SERVFAIL":
                response.set_rcode(dns.rcode.SERVFAIL)
            else:
                response.authority.append(soa)
        elif question.rdtype == dns.rdatatype.A:
            response.answer.append(dns.rrset.from_text(question.name, 60, "IN", "A", "192.0.2.1"))
        else:
            response.authority.append(soa)
        sock.sendto(response.to_wire(), peer)


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def trial(kind, first):
    """What each client gets, the one of `first` asking first."""
    asked.clear()
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    threading.Thread(target=serve, args=(sock, kind), daemon=True).start()
    port = free_port()
    pathlib.Path("recursor.conf").write_text(f"""local-address=127.0.0.1
local-port={port}
config-dir={pathlib.Path.cwd()}
socket-dir={pathlib.Path.cwd()}
daemon=no
disable-syslog=yes
loglevel=6
dont-query=
security-poll-suffix=
threads=1
distributor-threads=0
dnssec=off
forward-zones=example=127.0.0.1:{sock.getsockname()[1]}
allow-from=127.0.0.0/8
use-incoming-edns-subnet=yes
edns-subnet-allow-list=example
ecs-add-for=0.0.0.0/0
""")
    with subprocess.Popen([*LOADER, ROOT / "usr/sbin/pdns_recursor", f"--config-dir={pathlib.Path.cwd()}"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as recursor:
        try:
            while "multiplexer" not in (line := recursor.stdout.readline()):
                if not line:
                    sys.exit("pdns_recursor did not start")
            threading.Thread(target=recursor.stdout.read, daemon=True).start()
            got = {}
            for prefix in sorted(("198.51.100.0/24", "203.0.113.0/24"), key=lambda prefix: prefix != first):
                address, length = prefix.split("/")
                query = dns.message.make_query("www.example.", "A", use_edns=0, options=[dns.edns.ECSOption(address, int(length))])
                response = dns.query.udp(query, "127.0.0.1", port=port, timeout=20)
                rows = [rdata.to_text() for rrset in response.answer for rdata in rrset]
                got[prefix] = (dns.rcode.to_text(response.rcode()), rows)
                print(f"  client in {prefix}: {got[prefix]}")
            print("  asked of the authoritative server:", asked)
            return got
        finally:
            recursor.terminate()


print(subprocess.run([*LOADER, ROOT / "usr/sbin/pdns_recursor", "--version"], capture_output=True, text=True, check=False).stderr.splitlines()[0])
NONE, ADDRESS = "198.51.100.0/24", "203.0.113.0/24"
good = ("NOERROR", ["192.0.2.1"])
for kind, error in (("NODATA", ("NOERROR", [])), ("SERVFAIL", ("SERVFAIL", []))):
    for first, expected in ((ADDRESS, {NONE: error, ADDRESS: good}), (NONE, {NONE: error, ADDRESS: error})):
        print(f"{NONE} has {kind}; {first} asks first")
        if trial(kind, first) != expected:
            sys.exit("this has changed")
PY
venv/bin/python try.py
