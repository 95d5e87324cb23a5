"""From the objects of a cluster to the entry points of its services; pure."""

from __future__ import annotations

from typing import NamedTuple

from resolverd.kube.balancers import entry_points_of_services
from resolverd.kube.entry_points import EntryPoint, LeftOut, Rules
from resolverd.kube.objects import Cluster
from resolverd.kube.routes import entry_points_of_routes


class Translation(NamedTuple):
    """The entry points, and the objects of ours that give none, each in a fixed order."""

    entry_points: tuple[EntryPoint, ...]
    left_out: tuple[LeftOut, ...]


def translate(cluster: Cluster, rules: Rules) -> Translation:
    """What the objects say; the same ones in any order say the same."""
    found = [*entry_points_of_routes(cluster, rules), *entry_points_of_services(cluster, rules)]
    entry_points = {each for each in found if isinstance(each, EntryPoint)}
    without = {each for each in found if isinstance(each, LeftOut)}
    return Translation(tuple(sorted(entry_points)), tuple(sorted(without)))
