"""What can be wrong with what the fleet keeps."""

from __future__ import annotations

from resolverd.errors import ResolverdError


class FleetError(ResolverdError):
    """Root of what is raised about the fleet."""


class FleetUnavailable(FleetError):  # noqa: N818 - a state of the fleet, which every caller handles
    """No quorum has confirmed it; it may have been written all the same, or be written yet."""


class FleetConflict(FleetError):  # noqa: N818 - see above
    """The key has another revision than the one that was named; nothing was written."""


class FleetMissing(FleetError):  # noqa: N818 - see above
    """There is no object of that name."""
