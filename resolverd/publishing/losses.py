"""What a set would take away of the one that the fleet serves, found before it is published.

By the limits of the set that is served (`server.hold_*` where it was published), as a reload of its
files would find it; so what waits for `resolverd reload --yes` there waits for `--yes` here.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import dns.name

from resolverd.config.load import load_config
from resolverd.config.model import Config
from resolverd.config.published import MAIN
from resolverd.config.tiers import answers
from resolverd.errors import ConfigError, Problem
from resolverd.files.writing import make_directory, replace_file
from resolverd.snapshot.inputs import Inputs
from resolverd.snapshot.losses import (
    config_losses,
    new_zone_losses,
    pins_gone,
    zone_losses,
    zones_lost,
)
from resolverd.zone.loader import load_zones
from resolverd.zone.model import Zone, zone_around

HINT = "put it back; or publish it as it is: resolverd publish --yes"


def losses_of(before: Mapping[str, bytes], inputs: Inputs) -> list[Problem]:
    """What `inputs` loses of the set `before`; nothing where that cannot be read any more. Blocks.

    Raises OSError where there is no room for it in the directory for temporary files.
    """
    with tempfile.TemporaryDirectory(prefix="resolverd-publish-") as name:
        directory = Path(name)
        lay_out(before, directory)
        try:
            # Its publisher's own tables name files that are not in the set.
            own = [("server.geoip", []), ("server.state", ""), ("fleet.configuration", "local")]
            served = load_config(directory / MAIN, own).config
        except ConfigError:
            return []
        zones, _ = load_zones(served.server.zones, directory, services=answers(served))
        found = _losses(served, zones, inputs)
    return [_said_here(problem, inputs) for problem in found]


def lay_out(files: Mapping[str, bytes], directory: Path) -> None:
    """Write a set into `directory`. Raises OSError; blocks."""
    for name, content in files.items():
        make_directory((directory / name).parent)
        replace_file(directory / name, content, synchronised=False)


def _losses(served: Config, zones: Mapping[dns.name.Name, Zone], inputs: Inputs) -> list[Problem]:
    main, now = inputs.loaded.files[0], inputs.config
    found = config_losses(served, now, main)
    gone = [origin for origin in zones if origin not in inputs.zones]
    found += zones_lost(zones, gone, served.server.hold_zones).values()
    for losses in pins_gone(zones, gone, inputs.zones, served, now).values():
        found += losses
    for origin, zone in zones.items():
        if origin in inputs.zones:
            found += zone_losses(zone, inputs.zones[origin], served, now)
    for origin, zone in inputs.zones.items():
        around = zone_around(zones, origin) if origin not in zones else None
        if around is not None:
            found += new_zone_losses(around, zone, served, now)
    return found


def _said_here(problem: Problem, inputs: Inputs) -> Problem:
    """About the files that are published, not about the copy of those that are served."""
    file = problem.file if Path(problem.file).exists() else str(inputs.loaded.files[0])
    return Problem(file, problem.line, problem.column, problem.id, problem.message, HINT)
