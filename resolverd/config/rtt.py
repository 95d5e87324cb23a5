"""The options of what was measured of the ways to regions."""

from __future__ import annotations

from resolverd.config.options import Section, option
from resolverd.config.types import Duration


class Rtt(Section):
    """`[rtt]`: measured round-trip times, for services whose `policy` is latency or ttft."""

    files: tuple[str, ...] = option(
        (),
        "Tables of them (CSV), as globs relative to this file; read again whenever they change.",
    )
    half_life: Duration = option(
        7 * 86400.0,
        "Age at which a measurement is believed half as much as a new one.",
        unit="seconds",
        minimum=60,
    )
    stale_after: Duration = option(
        30 * 86400.0,
        "Age from which a measurement is not believed at all, and warned about.",
        unit="seconds",
        minimum=60,
    )
    fetch_interval: Duration = option(
        60.0,
        "Time between two readings of a page that a region names as `rtt`.",
        unit="seconds",
        minimum=1,
        maximum=86_400,
    )
    keep_interval: Duration = option(
        300.0,
        "What pages and this host's own probes say is put into the table of `server.state` (and "
        "so adopted) no sooner than this after the last time; a map is compiled for each.",
        unit="seconds",
        minimum=1,
        maximum=86_400,
    )
