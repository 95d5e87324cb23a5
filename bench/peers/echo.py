"""The echo: what the sockets alone cost, and so the measure of every server."""

from __future__ import annotations

from bench.load.build import build
from bench.peers.ask import ask
from bench.peers.server import Server, Site


class Echo(Server):
    """It answers what it is asked, octet for octet.

    With `receive_buffer`, its sockets ask for as many octets (SO_RCVBUF).
    """

    name = "echo"
    peer = False

    def __init__(self, receive_buffer: int | None = None) -> None:
        self._receive_buffer = receive_buffer

    def write(self, site: Site) -> None:
        """It has no configuration."""

    def command(self, site: Site) -> list[str]:
        """Port, threads, and its buffer where it has one of its own."""
        words = [str(build().echo), str(site.port), str(site.threads)]
        return words if self._receive_buffer is None else [*words, str(self._receive_buffer)]

    def reload(self, site: Site, pid: int) -> None:
        """There is nothing to reload."""

    def version(self) -> str:
        """It has none."""
        return ""

    def answers(self, site: Site) -> bool:
        """Whether a query comes back."""
        return ask(site.port, "www.example", wait=0.2) is not None
