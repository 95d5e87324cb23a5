"""Which parts of a fleet this checkout has: what needs others is left out, and named."""

from __future__ import annotations

from importlib.util import find_spec

_OF = {
    "fleet": "resolverd.fleet",
    "verdicts": "resolverd.health.agreement",
    "anycast": "resolverd.anycast",
    "publish": "resolverd.publishing",
}


def features() -> frozenset[str]:
    """Their names."""
    return frozenset(name for name, module in _OF.items() if find_spec(module) is not None)
