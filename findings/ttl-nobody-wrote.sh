#!/bin/sh
# A zone file without any TTL is served with its SOA's minimum by BIND, and with 3600 s by NSD and Knot.
#
# Expected: without $TTL and with no TTL on the first record RFC 1035 section 5.1 has none to repeat. Before
# RFC 2308 the SOA's minimum (RFC 1035 section 3.3.13) was the TTL then; servers of one zone should agree.
# Seen: BIND takes the SOA's minimum and warns, NSD and Knot DNS take 3600 and say nothing. So one file, served
# by two of them as primaries of one zone, has RRsets whose TTLs differ, for the same serial: here 30 s for
# who asks BIND, and an hour for who asks the others. A change of addresses that was planned by the short one
# is late by the long one.
# Needs Debian 12's archive in apt's sources, and apt-get update. Knot listens on 127.0.0.1, port 53530.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir -p debs/partial root run && : >status
apt-get -qq -y --download-only --no-install-recommends -o Dir::State::status="$work/status" \
    -o Dir::Cache::archives="$work/debs" install bind9-utils=1:9.18.49-1~deb12u3 nsd=4.6.1-1 \
    knot=3.2.6-1 knot-dnsutils=3.2.6-1 >apt.log 2>&1 || { cat apt.log; exit 2; }
for deb in debs/*.deb; do dpkg -x "$deb" root; done
# Replaces this shell where it is a job of its own, so that $! is the server.
run() {
    exec root/lib64/ld-linux-x86-64.so.2 --library-path root/lib/x86_64-linux-gnu:root/usr/lib/x86_64-linux-gnu "$@"
}

cat > example.zone <<'ZONE'
$ORIGIN example.
@ IN SOA ns hostmaster 1 7200 3600 1209600 30
@ IN NS ns
ns IN A 192.0.2.1
ZONE

(run root/usr/bin/named-compilezone -v)
bind=$( (run root/usr/bin/named-compilezone -q -o - example example.zone) | awk '$4 == "A" {print $2}')
echo "BIND: the TTL of ns.example. is $bind"
(run root/usr/sbin/nsd -v) 2>&1 | head -n 1
nsd=$( (run root/usr/sbin/nsd-checkzone -p example example.zone) | awk '$1 == "ns" {print $2}')
echo "NSD: it is $nsd"

cat > knot.conf <<CONF
server:
    rundir: $work/run
    listen: 127.0.0.1@53530
database:
    storage: $work/run
zone:
  - domain: example.
    file: $work/example.zone
    zonefile-sync: -1
CONF
(run root/usr/sbin/knotd -V)
run root/usr/sbin/knotd -c knot.conf >knot.log 2>&1 &
knotd=$!
trap 'kill "$knotd" 2>/dev/null; rm -rf "$work"' EXIT
for _ in 1 2 3 4 5 6 7 8 9 10; do
    knot=$( (run root/usr/bin/kdig +retry=0 +time=1 +noall +answer -p 53530 @127.0.0.1 ns.example. A) 2>/dev/null | awk '$4 == "A" {print $2}')
    [ -n "$knot" ] && break
    sleep 0.5
done
echo "Knot: it is $knot"
[ "$bind" = 30 ] && [ "$nsd" = 3600 ] && [ "$knot" = 3600 ]
