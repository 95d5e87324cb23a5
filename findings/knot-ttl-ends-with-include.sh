#!/bin/sh
# A $TTL in an included file ends with that file for Knot DNS, and goes on after it for BIND and NSD.
#
# Expected: RFC 1035 section 5.1 has the origin of the file around an $INCLUDE come back after it, and RFC 2308
# section 4, which adds $TTL, has it hold for what follows. Servers of one zone should agree which of both it is.
# Seen: for BIND and NSD a record after the $INCLUDE, without a TTL of its own, has the included file's $TTL, and
# for Knot DNS the one that stands before the $INCLUDE. All three load the zone without a word, and serve other
# TTLs for the same serial: here 77 s, and an hour.
# Needs Debian 12's archive in apt's sources, and apt-get update. Knot listens on 127.0.0.1, port 53531.
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
$TTL 3600
$ORIGIN example.
@ IN SOA ns hostmaster 1 7200 3600 1209600 30
@ IN NS ns
ns IN A 192.0.2.1
$INCLUDE included.zone
after IN A 192.0.2.3
ZONE
cat > included.zone <<'ZONE'
$TTL 77
inside IN A 192.0.2.2
ZONE

(run root/usr/bin/named-compilezone -v)
bind=$( (run root/usr/bin/named-compilezone -q -o - example example.zone) | awk '$1 == "after.example." {print $2}')
echo "BIND: the TTL of after.example. is $bind"
(run root/usr/sbin/nsd -v) 2>&1 | head -n 1
nsd=$( (run root/usr/sbin/nsd-checkzone -p example example.zone) | awk '$1 == "after" {print $2}')
echo "NSD: it is $nsd"

cat > knot.conf <<CONF
server:
    rundir: $work/run
    listen: 127.0.0.1@53531
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
ttl_of() {
    (run root/usr/bin/kdig +retry=0 +time=1 +noall +answer -p 53531 @127.0.0.1 "$1.example." A) 2>/dev/null | awk '$4 == "A" {print $2}'
}
for _ in 1 2 3 4 5 6 7 8 9 10; do
    knot=$(ttl_of after)
    [ -n "$knot" ] && break
    sleep 0.5
done
echo "Knot: it is $knot, and that of inside.example. $(ttl_of inside)"
[ "$bind" = 77 ] && [ "$nsd" = 77 ] && [ "$knot" = 3600 ] && [ "$(ttl_of inside)" = 77 ]
