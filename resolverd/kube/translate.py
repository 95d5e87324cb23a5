"""From the objects of a cluster to the doors of its services; pure."""

from __future__ import annotations

from typing import NamedTuple

from resolverd.kube.balancers import doors_of_services
from resolverd.kube.doors import Door, LeftOut, Rules
from resolverd.kube.objects import Cluster
from resolverd.kube.routes import doors_of_routes


class Translation(NamedTuple):
    """The doors that there are, and the objects of ours that give none, both in one order."""

    doors: tuple[Door, ...]
    left_out: tuple[LeftOut, ...]


def translate(cluster: Cluster, rules: Rules) -> Translation:
    """What the objects say; the same ones in any order say the same."""
    found = [*doors_of_routes(cluster, rules), *doors_of_services(cluster, rules)]
    doors = {each for each in found if isinstance(each, Door)}
    without = {each for each in found if isinstance(each, LeftOut)}
    return Translation(tuple(sorted(doors)), tuple(sorted(without)))
