"""The kinds of probe, each a way of asking an endpoint whether it serves.

A kind is a factory: from a URL, the settings and the shared tools it prepares, once, all
that a probe needs, and returns an `Ask`. Awaiting an `Ask` asks once: it returns what was
`Seen` (``"HTTP 200"``) or raises; timing, the timeout and the wording of errors are the same
for all kinds and live in `run`. To add a kind: write its module, add a line to `PROBES`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from resolverd.config.probe import Probe
from resolverd.health.probes import http, openai, tcp, vllm
from resolverd.health.probes.run import Ask, ProbeFailedError, Seen, run
from resolverd.health.probes.tools import Tools

Factory = Callable[[str, Probe, Tools], Ask]

PROBES: Mapping[str, Factory] = MappingProxyType(
    {"tcp": tcp.prepare, "http": http.prepare, "vllm": vllm.prepare, "openai": openai.prepare}
)

__all__ = ["PROBES", "Ask", "Factory", "ProbeFailedError", "Seen", "Tools", "run"]
