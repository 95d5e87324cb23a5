#!/bin/sh
# NSD refuses a zone file with a relative name after $ORIGIN, which RFC 1035 allows and BIND reads.
#
# Expected: $ORIGIN takes a <domain-name> (RFC 1035 section 5.1), and one without a final dot is relative to the
# origin so far, as everywhere in the file: "$ORIGIN sub" in the zone example. makes it sub.example.
# Seen: BIND 9.20 reads it so. NSD 4.12 refuses the file ("Invalid name in $ORIGIN"), and so did 4.6, with words
# of its own: a zone of BIND's that says "$ORIGIN eu" is not served by NSD until each is written out. The second
# field of $INCLUDE is held to the same ("Invalid domain-name in $INCLUDE").
# Needs Debian 13's archive; apt's own lists stay as they are.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir -p debs/partial lists/partial root && : >status
echo 'deb http://deb.debian.org/debian trixie main' >sources.list
apt() {
    apt-get -qq -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=- \
        -o Dir::State::lists="$work/lists" -o Dir::State::status="$work/status" -o Dir::Cache::pkgcache= \
        -o Dir::Cache::srcpkgcache= -o Dir::Cache::archives="$work/debs" "$@" >apt.log 2>&1 || { cat apt.log; exit 2; }
}
apt update
apt -y --download-only --no-install-recommends install bind9-utils=1:9.20.30-1~deb13u1 nsd=4.12.0-1
for deb in debs/*.deb; do dpkg -x "$deb" root; done
run() {
    root/usr/lib64/ld-linux-x86-64.so.2 --library-path root/usr/lib/x86_64-linux-gnu "$@"
}

cat > example.zone <<'ZONE'
$TTL 60
$ORIGIN example.
@ SOA ns hostmaster 1 3600 900 604800 60
@ NS ns
ns A 192.0.2.1
$ORIGIN sub
a A 192.0.2.2
ZONE

run root/usr/bin/named-compilezone -v
bind=$(run root/usr/bin/named-compilezone -q -o - example example.zone | awk '$5 == "192.0.2.2" {print $1}')
echo "BIND: the address is of $bind"
run root/usr/sbin/nsd -v 2>&1 | head -n 1
status=0
run root/usr/sbin/nsd-checkzone example example.zone >nsd.log 2>&1 || status=$?
echo "NSD: status $status: $(grep -o 'example.zone:[0-9]*: .*' nsd.log)"
sed 's/^\$ORIGIN sub$/$ORIGIN sub.example./' example.zone > absolute.zone
run root/usr/sbin/nsd-checkzone example absolute.zone
[ "$bind" = a.sub.example. ] && [ "$status" != 0 ]
