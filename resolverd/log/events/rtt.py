"""Log events about round-trip times: measured beside a region's front door, read by edges."""

from __future__ import annotations

from resolverd.log.events.event import Event

EVENTS = (
    Event(
        "rtt.measuring",
        "info",
        "`resolverd rtt --measure` reads the connections to this host, and serves its page.",
        "region listener",
    ),
    Event(
        "rtt.unreadable",
        "warning",
        "The kernel's TCP statistics cannot be read; the page goes on with what is known.",
        "region reason",
    ),
    Event(
        "rtt.readable",
        "info",
        "The kernel's TCP statistics can be read again.",
        "region",
    ),
    Event(
        "rtt.implausible",
        "warning",
        "This host's probes reach a region faster than light could; the time is not used.",
        "region reason",
    ),
    Event(
        "rtt.plausible",
        "info",
        "This host's probes no longer reach a region faster than light could.",
        "region",
    ),
    Event(
        "rtt.page_failing",
        "warning",
        "A page that a region names as `rtt` cannot be read, or is refused; what it said before "
        "holds on, and ages.",
        "region url reason",
    ),
    Event(
        "rtt.page_recovered",
        "info",
        "A page that a region names as `rtt` can be read again.",
        "region url",
    ),
    Event(
        "rtt.page_partial",
        "warning",
        "A part of a page that a region names as `rtt` is left out: of another region, too old, or "
        "no row.",
        "region url reason",
    ),
    Event(
        "rtt.kept",
        "info",
        "The table of measured times in `server.state` says something else, and was written anew.",
        "file regions",
    ),
    Event(
        "rtt.not_kept",
        "warning",
        "What regions' pages say, or this host measured, cannot be kept in `server.state`, and so "
        "steers nobody.",
        "file reason",
    ),
)
