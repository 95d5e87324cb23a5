"""Round-trip times for the API: what this host measured itself, and what pages of regions say."""

from __future__ import annotations

from typing import Any

from resolverd.admin.served import Served
from resolverd.admin.times import iso
from resolverd.config.secrets import shown_url
from resolverd.rtt.page_watch import PageState, RttPage

Json = dict[str, Any]


def round_trips_of(served: Served) -> Json:
    """The way from this host to each region that a probe has reached, and each page."""
    known = served.round_trips
    return {
        "where": known.where,
        "regions": [
            {
                "region": region,
                "ms": round(time.ms, 3),
                "count": time.handshakes,
                "age_seconds": round(time.age, 3),
                "implausible": time.implausible or None,
            }
            for region, time in known.edge().items()
        ],
        "pages": [_page(page, state) for page, state in known.pages.states().items()],
        "file": str(known.file.absolute()) if known.file else None,
        "write_error": known.write_error or None,
    }


def _page(page: RttPage, state: PageState) -> Json:
    read = state.read_at is not None
    return {
        "region": page.region,
        "url": shown_url(page.url),
        "read_at": iso(state.read_at) if state.read_at is not None else None,
        "as_of": iso(state.as_of) if read else None,
        "rows": state.content.rows,
        "reason": state.reason or None,
        "left_out": state.content.left_out or None,
    }
