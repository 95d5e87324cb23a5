"""What the kinds of probe ask with: connections, requests, canaries, and what their answers mean.

`run` asks once and never raises for what an endpoint does; `Tools` are shared by every probe. The
kinds themselves are `health.kinds`.
"""

from __future__ import annotations

from resolverd.health.probes.run import Ask, ProbeFailedError, Seen, run
from resolverd.health.probes.tools import Tools

__all__ = ["Ask", "ProbeFailedError", "Seen", "Tools", "run"]
