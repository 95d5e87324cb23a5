#!/bin/sh
# BIRD's "configure" takes back what "disable" and "enable" did, to protocols that the file left as they were.
#
# Expected: `birdc disable NAME` is how an operator takes a protocol out of service. A soft "configure"
# leaves alone what has not changed in the file, sessions and routes included; so it should leave that too.
# Seen: every protocol goes back to what the file says. One that was disabled by hand is up again, one that
# was enabled by hand is down, though the file is the same octet for octet; the reply does not name them. So
# whatever reloads BIRD (a package's script, configuration management) brings a drained host's routes back,
# or withdraws those that a health check has enabled. Who drives protocols has to look again after each.
# Needs Debian 12's archive in apt's sources, and apt-get update.
set -eu
work=$(mktemp -d)
trap 'kill "$bird" 2>/dev/null || true; rm -rf "$work"' EXIT
bird=
cd "$work"
mkdir -p debs/partial root && : >status
apt-get -qq -y --download-only --no-install-recommends -o Dir::State::status="$work/status" \
    -o Dir::Cache::archives="$work/debs" install bird2=2.0.12-7 >apt.log 2>&1 || { cat apt.log; exit 2; }
for deb in debs/*.deb; do dpkg -x "$deb" root; done
run() {
    root/lib64/ld-linux-x86-64.so.2 --library-path root/lib/x86_64-linux-gnu:root/usr/lib/x86_64-linux-gnu "$@"
}
ask() {
    run root/usr/sbin/birdc -s bird.ctl "$@" | tail -n +2
}

cat > bird.conf <<'CONF'
log "bird.log" all;
router id 192.0.2.1;
protocol device {}
protocol static serving { ipv4; route 192.0.2.53/32 blackhole; }
protocol static waiting { disabled; ipv4; route 192.0.2.54/32 blackhole; }
CONF
root/lib64/ld-linux-x86-64.so.2 --library-path root/lib/x86_64-linux-gnu:root/usr/lib/x86_64-linux-gnu \
    root/usr/sbin/bird -f -c bird.conf -s bird.ctl -P bird.pid 2>/dev/null &
bird=$!
tries=0
until run root/usr/sbin/birdc -s bird.ctl show status >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ $tries -lt 100 ] || { cat bird.log; exit 2; }
    sleep 0.1
done

ask show status | sed -n 's/^BIRD/BIRD/p'
states() {
    ask show protocols | awk '$2 == "Static" {printf "%s%s %s", sep, $1, $4; sep = ", "} END {print ""}'
}
echo "as the file says:  $(states)"
ask disable serving
ask enable waiting
by_hand=$(states)
echo "by hand:           $by_hand"
sum=$(sha256sum < bird.conf)
ask configure
[ "$sum" = "$(sha256sum < bird.conf)" ]
after=$(states)
echo "after configure:   $after"
[ "$by_hand" = "serving down, waiting up" ] && [ "$after" = "serving up, waiting down" ] || {
    echo "this has changed"
    exit 1
}
