# boot.sh FOLDER [LAYER [LOWER]]: become systemd (PID 1) over an overlay of this machine's root, or of
# the root in LOWER. Run in new pid, mount, uts, ipc, net and cgroup namespaces; nothing of it is seen
# or left outside them.
#
# LAYER is laid over that root first: another systemd than the machine's.
# FOLDER is private to this box. In FOLDER/binds, lines "SOURCE TARGET" are what shall be seen
# read-only inside; FOLDER/files is laid over the root; FOLDER itself is /run/box.
set -eu
folder=$1
layer=${2:-}
lower=${3:-/}

mount --make-rprivate /
mkdir "$folder/root" "$folder/layers"
mount -t tmpfs -o mode=755 tmpfs "$folder/layers"
mkdir "$folder/layers/upper" "$folder/layers/work"
mount -t overlay overlay \
    -o "lowerdir=$lower,upperdir=$folder/layers/upper,workdir=$folder/layers/work" "$folder/root"
root=$folder/root
[ -z "$layer" ] || cp -a "$layer/." "$root/"

mount -t proc proc "$root/proc"
mount --bind -o ro "$root/proc/sys" "$root/proc/sys"  # most of it is the whole machine's
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755,nosuid tmpfs "$root/dev"
for node in null zero full random urandom tty; do
    : > "$root/dev/$node"
    mount --bind "/dev/$node" "$root/dev/$node"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
ln -s /proc/self/fd "$root/dev/fd"
ln -s fd/0 "$root/dev/stdin"
ln -s fd/1 "$root/dev/stdout"
ln -s fd/2 "$root/dev/stderr"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mkdir "$root/run/box"
mount --bind "$folder" "$root/run/box"

while read -r source target; do
    mkdir -p "$root$target"
    mount --bind -o ro "$source" "$root$target"
done < "$folder/binds"

# Nothing of this machine starts inside but the journal; what a test needs it installs.
rm -rf "$root"/etc/systemd/system "$root"/lib/systemd/system/*.wants
mkdir -p "$root/etc/systemd/system/sysinit.target.wants"
ln -s /lib/systemd/system/systemd-journald.service "$root/etc/systemd/system/sysinit.target.wants/"
: > "$root/etc/fstab"
: > "$root/etc/machine-id"
cp -a "$folder/files/." "$root/"

cd "$root"
mkdir old
pivot_root . old
umount -l /old
mount --make-rshared /
exec env -i container=box PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --system --unit=multi-user.target --show-status=no --log-target=journal
