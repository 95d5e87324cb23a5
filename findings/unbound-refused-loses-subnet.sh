#!/bin/sh
# unbound answers a client subnet that is REFUSED with what it gets when it asks without the subnet.
#
# Expected: where an authoritative server refuses queries with a certain client subnet (RFC 7871), the
# client in that subnet gets an error, as it does when the server says SERVFAIL.
# Seen: after REFUSED unbound asks the same server again without the subnet, gives that answer to the
# client, and keeps it without a scope. So REFUSED cannot say "nothing for this subnet": the answer for
# nobody in particular comes in its place. After SERVFAIL it keeps to the subnet.
# Needs Debian 12's archive in apt's sources, and apt-get update.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check dnspython==2.9.2
mkdir -p debs/partial root && : >status
apt-get -qq -y --download-only --no-install-recommends -o Dir::State::status="$work/status" \
    -o Dir::Cache::archives="$work/debs" install unbound=1.17.1-2+deb12u4 >apt.log 2>&1 || { cat apt.log; exit 2; }
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


def serve(sock, rcode):
    """Answers 192.0.2.1 to all who send no client subnet, and `rcode` to those who do."""
    while True:
        wire, peer = sock.recvfrom(4096)
        query = dns.message.from_wire(wire)
        response = dns.message.make_response(query)
        response.flags |= dns.flags.AA
        sent = subnets(query)
        question = query.question[0]
        if question.name.to_text().lower() == "www.example.":
            asked.append(sent[0].to_text() if sent else "no subnet")
        if sent:
            response.set_rcode(rcode)
        else:
            response.answer.append(dns.rrset.from_text(question.name, 60, "IN", "A", "192.0.2.1"))
        sock.sendto(response.to_wire(), peer)


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def trial(rcode):
    asked.clear()
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    threading.Thread(target=serve, args=(sock, rcode), daemon=True).start()
    port = free_port()
    config = pathlib.Path("unbound.conf")
    config.write_text(f"""server:
  interface: 127.0.0.1
  port: {port}
  directory: "{pathlib.Path.cwd()}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  num-threads: 1
  do-ip6: no
  do-daemonize: no
  do-not-query-localhost: no
  access-control: 127.0.0.0/8 allow
  target-fetch-policy: "0 0 0 0 0"
  module-config: "subnetcache iterator"
  send-client-subnet: 127.0.0.1
  client-subnet-always-forward: yes
stub-zone:
  name: "example."
  stub-addr: 127.0.0.1@{sock.getsockname()[1]}
remote-control:
  control-enable: no
""")
    with subprocess.Popen([*LOADER, ROOT / "usr/sbin/unbound", "-d", "-p", "-c", config], stderr=subprocess.PIPE, text=True) as unbound:
        try:
            while "start of service" not in unbound.stderr.readline():
                if unbound.poll() is not None:
                    sys.exit("unbound did not start")
            threading.Thread(target=unbound.stderr.read, daemon=True).start()
            got = []
            for prefix in ("198.51.100.0/24", "203.0.113.0/24"):
                address, length = prefix.split("/")
                query = dns.message.make_query("www.example.", "A", use_edns=0, options=[dns.edns.ECSOption(address, int(length))])
                response = dns.query.udp(query, "127.0.0.1", port=port, timeout=20)
                rows = [rdata.to_text() for rrset in response.answer for rdata in rrset]
                got.append((dns.rcode.to_text(response.rcode()), rows))
                print(f"  client in {prefix}: {got[-1]}, scope {[o.scopelen for o in subnets(response)]}")
            print("  asked of the authoritative server:", sorted(set(asked)))
            return got
        finally:
            unbound.terminate()


print(subprocess.run([*LOADER, ROOT / "usr/sbin/unbound", "-V"], capture_output=True, text=True).stdout.splitlines()[0])
results = {}
for rcode in (dns.rcode.REFUSED, dns.rcode.SERVFAIL):
    print("where client subnets are answered with", dns.rcode.to_text(rcode))
    results[dns.rcode.to_text(rcode)] = trial(rcode)
expected = {"REFUSED": [("NOERROR", ["192.0.2.1"])] * 2, "SERVFAIL": [("SERVFAIL", [])] * 2}
sys.exit(0 if results == expected else f"this has changed: {results}")
PY
venv/bin/python try.py
