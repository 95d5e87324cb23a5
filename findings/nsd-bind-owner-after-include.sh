#!/bin/sh
# After an $INCLUDE, a record without an owner belongs to one name for BIND and to another for NSD.
#
# Expected: RFC 1035 section 5.1 gives a line that begins with a blank the last stated owner. Whether that
# of an included file counts is not said there; two servers of one zone should agree all the same.
# Seen: for BIND it is the last owner of the file in which the line stands, for NSD the last one that was
# read, in the included file. Both load the zone without a word, and serve different data for the same
# serial: a primary of one kind and a hidden copy of the file with the other differ in silence.
# Needs Debian 12's archive in apt's sources, and apt-get update.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir -p debs/partial root && : >status
apt-get -qq -y --download-only --no-install-recommends -o Dir::State::status="$work/status" \
    -o Dir::Cache::archives="$work/debs" install bind9-utils=1:9.18.49-1~deb12u3 nsd=4.6.1-1 >apt.log 2>&1 || { cat apt.log; exit 2; }
for deb in debs/*.deb; do dpkg -x "$deb" root; done
run() {
    root/lib64/ld-linux-x86-64.so.2 --library-path root/lib/x86_64-linux-gnu:root/usr/lib/x86_64-linux-gnu "$@"
}

cat > example.zone <<'ZONE'
$TTL 60
$ORIGIN example.
@ SOA ns hostmaster 1 3600 900 604800 60
@ NS ns
ns A 192.0.2.1
before A 192.0.2.2
$INCLUDE included.zone
  TXT "whose"
ZONE
echo 'inside A 192.0.2.3' > included.zone

run root/usr/bin/named-compilezone -v
bind=$(run root/usr/bin/named-compilezone -q -o - example example.zone | awk '$4 == "TXT" {print $1}')
echo "BIND: the TXT is of $bind"
run root/usr/sbin/nsd -v 2>&1 | head -n 1
# It writes a record of the owner before without its name.
nsd=$(run root/usr/sbin/nsd-checkzone -p example example.zone | awk '/^[^\t ;$]/ {owner = $1} /TXT/ {print owner}')
echo "NSD: the TXT is of $nsd"
[ "$bind" = before.example. ] && [ "$nsd" = inside ]
