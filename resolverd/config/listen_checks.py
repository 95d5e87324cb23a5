"""What is wrong with `server.listen` by itself, and beside the sockets of the service manager.

An address of which another entry listens on all those of its family cannot be bound a second time.
A socket unit passes its sockets to the daemon (sd_listen_fds(3)), so that queries wait in them
while it restarts; an address that is in `listen` alone is answered by nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from resolverd.config.finding import Finding, Tree
from resolverd.config.model import Config
from resolverd.config.toml_values import toml_value
from resolverd.config.types import Listener

LISTEN_IGNORED = "config-listen-ignored"
"""The id of the finding."""


def check_listen(config: Config, tree: Tree) -> Iterator[Finding]:
    """An error for each address that cannot be listened on, since another entry has it."""
    listen = config.server.listen
    for index, listener in enumerate(listen):
        path = ("server", "listen", index)
        around = _around(listener)
        if listener.port and listener in listen[:index]:
            yield Finding(
                path, "config-duplicate-listen", f"{listener} is listed twice",
                f"write listen = {toml_value(list(dict.fromkeys(listen)))}",
            )  # fmt: skip
        elif listener.port and listener != around and around in listen:
            alone = [one for one in listen if one == around or _around(one) != around]
            yield Finding(
                path, "config-duplicate-listen",
                f"{around} listens on every address, {listener} among them: it cannot be bound "
                "again",
                f"write listen = {toml_value(alone)}, or remove {around} where not every address "
                "of this host is to answer",
            )  # fmt: skip
    if not listen:
        yield Finding(
            ("server", "listen"), "config-no-listen", "nothing to listen on",
            'write listen = ["0.0.0.0:53", "[::]:53"]',
        )  # fmt: skip


def _around(listener: Listener) -> Listener:
    """All addresses of the same family, at the same port."""
    return listener._replace(address="::" if ":" in listener.address else "0.0.0.0")


def check_inherited(listen: Sequence[Listener], inherited: Sequence[Listener]) -> Iterator[Finding]:
    """A warning where the two differ; none where nothing is inherited.

    A port 0 in `listen` is any port of that address.
    """
    alone = [listener for listener in listen if not any(_is(listener, held) for held in inherited)]
    others = [held for held in inherited if not any(_is(listener, held) for listener in listen)]
    if not inherited or not (alone or others):
        return
    differs = [
        f"{what} {', '.join(map(str, listeners))}"
        for what, listeners in (("listen alone has", alone), ("its socket unit alone has", others))
        if listeners
    ]
    # One empty assignment drops the addresses of every kind, those above it in the drop-in too.
    lines = ["ListenDatagram=", *(f"ListenDatagram={listener}" for listener in listen)]
    lines += [f"ListenStream={listener}" for listener in listen]
    yield Finding(
        ("server", "listen"), LISTEN_IGNORED,
        "the service manager's sockets are served, and listen is ignored: "
        f"{', '.join(differs)}",
        f"write listen = {toml_value(list(inherited))}; or write into the socket unit "
        f"(systemctl edit resolverd.socket) [Socket] {' '.join(lines)}, a line each, and then "
        "systemctl stop resolverd.socket resolverd.service, and start both", "warning",
    )  # fmt: skip


def _is(wanted: Listener, held: Listener) -> bool:
    return wanted.address == held.address and wanted.port in (0, held.port)
