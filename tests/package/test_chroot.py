"""The packages in a root where nothing runs, as an image is built: `make deb-test`."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from package.roots import Packages, unpacked

PROMISED = {
    # The account, and what its tools leave beside the files that they change.
    *("etc/passwd-", "etc/group-", "etc/shadow-", "etc/gshadow-", "etc/.pwd.lock"),
}
_UNSEEN = ("proc", "sys", "dev", "run", "tmp", "var/log", "var/lib/dpkg", "var/cache", "debs")
_SCRIPT = 'mount -t proc proc "$1/proc" && root=$1 && shift && exec chroot "$root" "$@"'


class Chroot:
    """A root of Debian that is written to, and programs in it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def run(self, *command: str) -> str:
        """What a program prints, errors included; AssertionError where it fails."""
        done = subprocess.run(
            [
                *("unshare", "--mount", "--pid", "--fork", "sh", "-c", _SCRIPT, "sh", self.root),
                *("env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", *command),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def install(self, packages: Packages) -> None:
        """Install or upgrade."""
        shutil.rmtree(self.root / "debs", ignore_errors=True)
        (self.root / "debs").mkdir()
        names = [f"/debs/{each.name}" for each in packages.files]
        for each in packages.files:
            shutil.copy(each, self.root / "debs")
        self.run("dpkg", "--force-confnew", "--install", *names)

    def files(self) -> set[str]:
        """Every path below the root, but for those of dpkg and of logs."""
        found = {str(path.relative_to(self.root)) for path in self.root.rglob("*")}
        return {path for path in found if not path.startswith(_UNSEEN)}


@pytest.fixture
def chroot(suite: str, tmp_path: Path) -> Chroot:
    """One of its own."""
    return Chroot(unpacked(suite, tmp_path))


def test_installed_upgraded_removed_and_purged_it_leaves_what_is_promised(
    chroot: Chroot, now: Packages, next_version: Packages
) -> None:
    before = chroot.files()
    chroot.install(now)
    assert chroot.run("resolverd", "--version") != "resolverd 9.0.0\n"
    enabled = "etc/systemd/system/sockets.target.wants/resolverd.socket"
    assert enabled in chroot.files()
    chroot.install(next_version)
    assert chroot.run("resolverd", "--version") == "resolverd 9.0.0\n"
    assert "# of 9.0.0" in (chroot.root / "etc/resolverd/resolverd.toml").read_text()
    compiled = [path for path in chroot.files() if path.endswith(".pyc")]
    sources = {path for path in chroot.files() if path.endswith(".py")}
    assert [path for path in compiled if _source(path) not in sources] == []
    chroot.run("dpkg", "--remove", "resolverd", "resolverd-common")
    assert not (chroot.root / "usr/lib/resolverd").exists()
    assert (chroot.root / "etc/resolverd/resolverd.toml").exists()
    chroot.install(now)
    fetched = chroot.root / "var/lib/resolverd-geo/city.mmdb"
    fetched.parent.mkdir()
    fetched.touch()
    chroot.run("dpkg", "--purge", "resolverd", "resolverd-common")
    assert chroot.files() - before <= PROMISED
    assert before - chroot.files() == set()
    assert "resolverd:" in (chroot.root / "etc/passwd").read_text()


def test_the_bytecode_of_all_that_a_daemon_imports_is_there(chroot: Chroot, now: Packages) -> None:
    """Else each start compiles it, and the daemon may not write it."""
    chroot.install(now)
    code = "import sys, importlib.util as u, resolverd.daemon, resolverd.cli; print(*("
    code += "m.__cached__ for m in sys.modules.values() if getattr(m, '__cached__', None)))"
    python = "/usr/lib/resolverd/bin/python3", "-B", "-c", code
    cached = [path for path in chroot.run(*python).split() if path.startswith("/usr/lib/resolverd")]
    assert len(cached) > 100
    missing = [path for path in cached if not (chroot.root / path.lstrip("/")).exists()]
    assert missing == []


def _source(compiled: str) -> str:
    """a/b.py of a/__pycache__/b.cpython-311.pyc."""
    folder, name = compiled.rsplit("/__pycache__/", 1)
    return f"{folder}/{name.split('.')[0]}.py"
