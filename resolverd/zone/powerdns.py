"""Types that PowerDNS and DNS platforms have, and no RFC: hints at what stands for them; pure."""

from __future__ import annotations

_HINTS = {
    "LUA": "PowerDNS's LUA: write DYNA NAME, and [service.NAME] with the regions and the policy "
    "that stand for it",
    "ALIAS": "an alias whose addresses the server looks up: write DYNA NAME, and [service.NAME] of "
    "a region whose endpoint has that name as its hostname",
}
_HINTS["ANAME"] = _HINTS["ALIAS"]


def hint_of_type(text: str) -> str:
    """What to write for ``LUA``, ``ALIAS`` or ``ANAME``; empty for any other type."""
    return _HINTS.get(text.upper(), "")
