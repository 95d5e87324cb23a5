"""Which edits are held until somebody insists on them: options of `[server]`."""

from __future__ import annotations

from resolverd.config.options import Section, option


class Holds(Section):
    """From what loss on an edit is held; see `resolverd.snapshot.losses`."""

    hold_services: float = option(
        0.0,
        "An edit that takes away more than this share of the services is held until `resolverd "
        "reload --yes`; 1 holds none. An edit that takes a client out of a pin is always held.",
        minimum=0,
        maximum=1,
    )
    hold_regions: float = option(
        0.0, "The same for regions that some service has.", minimum=0, maximum=1
    )
    hold_zones: float = option(
        0.0, "The same for zones that no file writes any more.", minimum=0, maximum=1
    )
    hold_names: float = option(
        0.25, "The same for the names of one zone; other zones are not held.", minimum=0, maximum=1
    )
