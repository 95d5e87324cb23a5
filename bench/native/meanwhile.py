"""What a server is given to do while it answers: Steerings to publish, a zone to read again."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from bench.peers.resolverd import link
from bench.peers.server import Running

INTERVAL = 0.1
"""Seconds from when one time has ended to the next."""

Meanwhile = Callable[[], None]


def publishing(served: Running) -> Meanwhile:
    """An order that changes what is answered, the next one back again."""
    admin, drains = link(served.site), itertools.cycle((True, False))
    region = next(iter(served.site.world.places())).name

    def publish() -> None:
        if next(drains):
            body = {"target": region, "kind": "drain", "why": "bench", "who": "bench"}
            admin.post("/override", body)
        else:
            admin.delete("/override", region, who="bench")

    return publish


def reloading(served: Running) -> Meanwhile:
    """A new serial in a zone and a reload, which is waited for and not asked about by DNS."""

    def reload() -> None:
        served.site = replace(served.site, serial=served.site.serial + 1)
        served.server.write(served.site)
        served.server.reload(served.site, served.pid)

    return reload


@contextmanager
def repeated(what: Meanwhile | None, pause: float = INTERVAL) -> Iterator[None]:
    """Do it again and again for as long as the context lasts, with a `pause` in seconds between.

    Whoever orders it is not measured, and so stands behind servers and generator on every core.
    """
    if what is None:
        yield
        return
    ended = threading.Event()

    def repeat() -> None:
        os.setpriority(os.PRIO_PROCESS, 0, 19)
        while not ended.wait(pause):
            what()

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
