#!/bin/sh
# In a $GENERATE of BIND, the offset of one ${…} is added to the plain $ that follow it.
#
# Expected: ${80} is the iterator plus 80 where it stands, as BIND's manual has it, and each plain $ is
# the iterator: for 1, "0 $ ${80} h$" is "0 1 81 h1".
# Seen: it is "0 1 81 h81": the offset lasts until the end of that field, or until another ${…}
# (${0} takes it back). The other field of the line is not touched. So an SRV whose port is counted up
# from a base names hosts that do not exist, and nothing warns of it.
# Needs Debian 12's archive in apt's sources, and apt-get update.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir -p debs/partial root && : >status
apt-get -qq -y --download-only --no-install-recommends -o Dir::State::status="$work/status" \
    -o Dir::Cache::archives="$work/debs" install bind9-utils=1:9.18.49-1~deb12u3 >apt.log 2>&1 || { cat apt.log; exit 2; }
for deb in debs/*.deb; do dpkg -x "$deb" root; done
compilezone() {
    root/lib64/ld-linux-x86-64.so.2 --library-path root/lib/x86_64-linux-gnu:root/usr/lib/x86_64-linux-gnu \
        root/usr/bin/named-compilezone "$@"
}

cat > example.zone <<'ZONE'
$TTL 60
$ORIGIN example.
@ SOA ns hostmaster 1 3600 900 604800 60
@ NS ns
ns A 192.0.2.1
$GENERATE 1-1 plain$ SRV "0 $ 80 h$"
$GENERATE 1-1 offset$ SRV "0 $ ${80} h$"
$GENERATE 1-1 again$ SRV "0 $ ${80} h${0}"
$GENERATE 1-1 owner${80} SRV "0 $ 80 h$"
ZONE
compilezone -v
compilezone -q -o - example example.zone | awk '$4 == "SRV" {print $1, $5, $6, $7, $8}' | sort | tee seen
cat > expected <<'ROWS'
again1.example. 0 1 81 h1.example.
offset1.example. 0 1 81 h81.example.
owner81.example. 0 1 80 h1.example.
plain1.example. 0 1 80 h1.example.
ROWS
cmp seen expected
