"""The `tcp` kind: an endpoint serves when it completes a TCP handshake."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from resolverd.config.probe import Probe
from resolverd.health.kinds.kind import Kind
from resolverd.health.readings import Readings

if TYPE_CHECKING:
    from resolverd.health.probes.run import Ask
    from resolverd.health.probes.tools import Tools


class TcpProbe(Probe):
    """A TCP handshake."""

    kind: Literal["tcp"] = "tcp"


def prepare(url: str, settings: TcpProbe, tools: Tools) -> Ask:
    """See `health.probes.tcp`."""
    from resolverd.health.probes import tcp

    return tcp.prepare(url, settings, tools)


KIND = Kind(TcpProbe, prepare, Readings, schemes=("tcp", "http", "https"))
