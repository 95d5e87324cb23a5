"""A real systemd as PID 1, in namespaces over an overlay of this machine's root.

`boot` starts one; `Box` runs programs inside, and makes sockets in its network. Nothing of it
outlives the test process. Where it cannot be had, `why_not` says why.
"""

from __future__ import annotations

import compileall
import ctypes
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

TIMEOUT = 30.0
SYSTEMD = Path("/lib/systemd/systemd")
HERE = Path(__file__).parent
ROOT = HERE.parents[1]

_NAMESPACES = ("--pid", "--fork", "--kill-child=KILL", "--mount", "--uts", "--ipc", "--net")
_CLONE_NEWNET = 0x40000000
# Folders that a hardened service does not see, or whose parents it may not enter.
_HIDDEN = ("/root/", "/home/", "/tmp/", "/var/tmp/", "/run/")


class BoxError(Exception):
    """The box cannot be had on this machine, or something in it went wrong."""


def why_not() -> str:
    """Why this machine cannot boot a box as this user; empty if it can."""
    if os.geteuid() != 0:
        return "only root may make its namespaces; run `sudo make test` to test the units"
    if not SYSTEMD.exists():
        return f"there is no {SYSTEMD}; apt-get install systemd"
    try:
        _cgroup_folder()
    except BoxError as error:
        return str(error)
    tried = subprocess.run(
        ["unshare", *_NAMESPACES, "--cgroup", "mount", "-t", "tmpfs", "tmpfs", "/mnt"],
        capture_output=True,
        text=True,
        check=False,
    )
    return f"no namespaces here: {tried.stderr.strip()}" if tried.returncode else ""


@dataclass(frozen=True)
class Box:
    """A booted system: `pid` is its PID 1, and `cgroup` what all of it is in, as seen from outside.

    `folder` is /run/box inside.
    """

    pid: int
    folder: Path
    cgroup: Path

    def run(self, *command: str, check: bool = True, timeout: float = TIMEOUT) -> str:
        """What a program prints inside, errors included.

        Raises BoxError when it fails, and when it takes longer than `timeout` seconds.
        """
        try:
            done = subprocess.run(
                ["nsenter", "--target", str(self.pid), "--all", "--", *command],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            said = (late.output or b"").decode(errors="replace")
            raise BoxError(f"{' '.join(command)}: not within {timeout:g} s: {said}") from late
        if check and done.returncode:
            raise BoxError(f"{' '.join(command)}: status {done.returncode}: {done.stdout}")
        return done.stdout

    def write(self, path: str, content: str | bytes) -> None:
        """Write a file inside that everybody may read, as one rename."""
        staged = self.folder / "staged"
        staged.write_bytes(content.encode() if isinstance(content, str) else content)
        self.run("install", "-D", "-m", "644", "/run/box/staged", f"{path}.new")
        self.run("mv", f"{path}.new", path)

    def socket(self, family: int, kind: int) -> socket.socket:
        """A socket in the network of the box, to be used from here."""
        made: list[socket.socket | OSError] = []

        def make() -> None:
            # setns moves the calling thread alone, and this one ends here.
            try:
                with Path(f"/proc/{self.pid}/ns/net").open("rb") as network:
                    if ctypes.CDLL(None, use_errno=True).setns(network.fileno(), _CLONE_NEWNET):
                        raise OSError(ctypes.get_errno(), "setns")
                made.append(socket.socket(family, kind))
            except OSError as error:
                made.append(error)

        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        if isinstance(made[0], OSError):
            raise made[0]
        return made[0]


@contextmanager
def boot(
    folder: Path, files: Mapping[str, str], layer: Path | None = None, lower: Path | None = None
) -> Iterator[Box]:
    """Boot a box with `files` (content by path) over the root; `folder` is its own.

    `layer` lies between: a systemd in place of the machine's, as `.ci/systemd` unpacks one.
    `lower` is another root than the machine's; nothing of this tree is put into it.
    """
    (folder / "files").mkdir()
    binds = [] if lower else _python_inside(folder / "files")
    (folder / "binds").write_text("".join(f"{source} {target}\n" for source, target in binds))
    for path, content in files.items():
        target = folder / "files" / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)
        target.chmod(0o644)
    cgroup = _cgroup_folder() / f"resolverd-tests-{os.getpid()}-{folder.name}"
    cgroup.mkdir()
    with (folder / "console").open("w") as console:
        process = subprocess.Popen(
            [
                *("sh", "-c", 'echo $$ > "$1/cgroup.procs"; shift; exec "$@"', "sh", str(cgroup)),
                # Before other tests of a busy machine: what it promises is within 300 ms.
                *("nice", "-n", "-10"),
                *("setpriv", "--pdeathsig", "KILL", "unshare", *_NAMESPACES, "--cgroup"),
                *("sh", str(HERE / "boot.sh"), str(folder), str(layer or ""), str(lower or "/")),
            ],
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        box = Box(_first_child(process, folder / "console"), folder, cgroup)
        _until_up(process, box)
        yield box
    finally:
        process.kill()
        process.wait()
        _remove_cgroup(cgroup)


def library_path() -> str:
    """Where the interpreter's own libraries are inside, if not where it looks; else empty."""
    return "/opt/python/lib" if _python_is_hidden() else ""


def _python_is_hidden() -> bool:
    return f"{sys.base_prefix}/".startswith(_HIDDEN)


def _python_inside(files: Path) -> list[tuple[Path, str]]:
    """/opt/resolverd as pip installs it, bytecode included; what is to be bound for it.

    A service sees no home and none of our temporary files, and this interpreter, its packages
    or this tree may lie in one. `files` gets the package and a virtual environment.
    """
    base = Path(sys.base_prefix)
    hidden = _python_is_hidden()
    seen = Path("/opt/python") if hidden else base
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    home = files / "opt/resolverd"
    packages = home / "lib" / version / "site-packages"
    shutil.copytree(
        ROOT / "resolverd", packages / "resolverd", ignore=shutil.ignore_patterns("__pycache__")
    )
    compileall.compile_dir(packages, ddir=f"/opt/resolverd/lib/{version}/site-packages", quiet=2)
    (packages / "others.pth").write_text("/opt/packages\n")
    (home / "bin").mkdir()
    (home / "bin/python").symlink_to(seen / "bin" / version)
    (home / "pyvenv.cfg").write_text(f"home = {seen}/bin\n")
    command = home / "bin/resolverd"
    command.write_text(
        "#!/opt/resolverd/bin/python\n"  # as pip writes it
        "import sys\n"
        "from resolverd.cli import main\n"
        "if __name__ == '__main__':\n"
        "    sys.exit(main())\n"
    )
    command.chmod(0o755)
    for path in (home, *home.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o755 if path.is_dir() else 0o644))
    binds = [(Path(sysconfig.get_paths()["purelib"]), "/opt/packages")]
    return [*binds, (base, str(seen))] if hidden else binds


def _cgroup_folder() -> Path:
    """Where a cgroup of version 2 may be made below our own. Raises BoxError if nowhere."""
    mounts = [row.split() for row in Path("/proc/self/mountinfo").read_text().splitlines()]
    unified = [row[4] for row in mounts if row[row.index("-") + 1] == "cgroup2"]
    own = [
        row[3:].lstrip("/")
        for row in Path("/proc/self/cgroup").read_text().splitlines()
        if row.startswith("0::")
    ]
    if not unified or not own:
        raise BoxError("this machine has no cgroups of version 2")
    folder = Path(unified[0], own[0])
    probe = folder / f"resolverd-probe-{os.getpid()}"
    try:
        probe.mkdir()
        probe.rmdir()
    except OSError as error:
        raise BoxError(f"no cgroup can be made in {folder}: {error.strerror}") from error
    return folder


def _first_child(process: subprocess.Popen[bytes], console: Path) -> int:
    """The PID of systemd, once unshare has started what becomes it."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline and process.poll() is None:
        for child in children.read_text().split():
            if Path(f"/proc/{child}/comm").read_text() == "systemd\n":
                return int(child)
        time.sleep(0.02)
    raise BoxError(f"systemd has not started: {console.read_text()}")


def _until_up(process: subprocess.Popen[bytes], box: Box) -> None:
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline and process.poll() is None:
        state = box.run("systemctl", "is-system-running", check=False).strip()
        if state in ("running", "degraded"):
            return
        time.sleep(0.05)
    raise BoxError(f"systemd is not up: {(box.folder / 'console').read_text()}")


def _remove_cgroup(cgroup: Path) -> None:
    """Remove the tree of cgroups, as soon as the kernel has buried all that was in it."""
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        try:
            for folder in sorted(cgroup.rglob("*/"), reverse=True):
                folder.rmdir()
            cgroup.rmdir()
        except OSError:
            time.sleep(0.02)
        else:
            return
