"""Every server there is to measure, in the order of the table."""

from __future__ import annotations

from bench.peers.bind import Bind
from bench.peers.echo import Echo
from bench.peers.gdnsd import Gdnsd
from bench.peers.knot import Knot
from bench.peers.nsd import Nsd
from bench.peers.pdns import Pdns
from bench.peers.resolverd import Resolverd
from bench.peers.server import Server

ECHO = Echo()
NATIVE = Resolverd("native")
REFERENCE = Resolverd("reference")
ALL: tuple[Server, ...] = (ECHO, NATIVE, Gdnsd(), Knot(), Nsd(), Pdns(), Bind(), REFERENCE)


def named(names: list[str]) -> list[Server]:
    """Those whose names are among `names`; ``resolverd-native`` and the like are understood.

    Raises ValueError for a name that nobody has.
    """
    by_name = {server.name.replace(" ", "-"): server for server in ALL}
    wanted = {name.replace(" ", "-") for name in names}
    if unknown := wanted - set(by_name):
        known = ", ".join(by_name)
        raise ValueError(f"no server is called {', '.join(sorted(unknown))}; there are {known}")
    return [server for name, server in by_name.items() if name in wanted]
