#!/bin/sh
# dnspython's search of resolv.conf's domains ends at the first that has the name without the type.
#
# Expected: with "search one.test two.test", the AAAA of "web" is that of web.two.test, although
# web.one.test has an A record alone; resolver libraries go on to the next domain after NODATA.
# Seen: Resolver.resolve("web", "AAAA", search=True) raises NoAnswer for web.one.test and asks no
# further, where an NXDOMAIN there would have let it go on. Whoever looks up both families of one
# name gets them from two domains, or one of them not at all, by which records exist in the first.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check dnspython==2.9.2

cat > try.py <<'PY'
import socket
import sys
import threading

import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import dns.version

RECORDS = {("web.one.test.", "A"): "192.0.2.1", ("web.two.test.", "AAAA"): "2001:db8::2"}
asked = []


def serve(sock: socket.socket) -> None:
    while True:
        wire, peer = sock.recvfrom(4096)
        query = dns.message.from_wire(wire)
        name, rtype = query.question[0].name.to_text(), dns.rdatatype.to_text(query.question[0].rdtype)
        asked.append(f"{name} {rtype}")
        response = dns.message.make_response(query)
        if (name, rtype) in RECORDS:
            response.answer.append(dns.rrset.from_text(name, 60, "IN", rtype, RECORDS[name, rtype]))
        elif name not in {owner for owner, _ in RECORDS}:
            response.set_rcode(dns.rcode.NXDOMAIN)
        sock.sendto(response.to_wire(), peer)


sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(("127.0.0.1", 0))
threading.Thread(target=serve, args=(sock,), daemon=True).start()
resolver = dns.resolver.Resolver(configure=False)
resolver.nameservers, resolver.port = ["127.0.0.1"], sock.getsockname()[1]


def look_up(first: str) -> str:
    asked.clear()
    resolver.search = [dns.name.from_text(first), dns.name.from_text("two.test.")]
    try:
        return resolver.resolve("web", "AAAA", search=True)[0].to_text()
    except dns.exception.DNSException as error:
        return type(error).__name__


print("dnspython", dns.version.version)
results = {}
for first in ("none.test.", "one.test."):
    results[first] = look_up(first)
    print(f"search {first} two.test.: {results[first]}; asked {asked}")
expected = {"none.test.": "2001:db8::2", "one.test.": "NoAnswer"}
sys.exit(0 if results == expected else "this has changed")
PY
venv/bin/python try.py
