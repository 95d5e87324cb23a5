"""What an image of a Plan keeps for the next one, so that an edit of few names makes few records.

Nodes lie in the order of their zones' names, and nothing points to them: those that an edit
changed are written over, new ones added to their zone, those gone cut out. Their RRsets and octets
are added behind all others. What nobody points to any more stays until it is an eighth, and then
the image is made anew. It costs some 100 octets a name, and is kept of large Plans only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice

from resolverd.dns.names import Key
from resolverd.engine import records
from resolverd.snapshot.model import Node, Plan, ZonePlan

NODE_SIZE = len(
    records.node(name=0, zone=0, first=0, rrsets=0, service=0, ceiling=0, referral=0, tier=0)
)
REFERRAL_SIZE = len(records.referral(owner=0, ns=0, first=0, count=0))
GLUE_SIZE = len(records.glue(owner=0, rrset=0))

LARGE = 4096
"""Nodes from which on an image is kept."""

_SPARE = 8  # an image is made anew once more than one in so many of its octets is unused


@dataclass(frozen=True, slots=True)
class KeptImage:
    """Sections of an image of `plan`; `soas` are the places of its zones' SOA by identity.

    `fresh` is how large the pool was when it was made anew.
    """

    plan: Plan
    nodes: bytes
    rrsets: bytes
    rrset_count: int
    referrals: bytes
    glue: bytes
    pool: bytes
    soas: Mapping[int, int]
    fresh: int

    @classmethod
    def of(
        cls,
        plan: Plan,
        sections: tuple[bytes, bytes, bytes, bytes, bytes],
        rrset_count: int,
        soas: Mapping[int, int],
        base: KeptImage | None,
    ) -> KeptImage | None:
        """What is worth keeping of an image that was made of `base`, or anew."""
        nodes, rrsets, referrals, glue, pool = sections
        if len(nodes) < LARGE * NODE_SIZE:
            return None
        fresh = base.fresh if base else len(pool)
        return cls(plan, nodes, rrsets, rrset_count, referrals, glue, pool, soas, fresh)

    def may_become(self, plan: Plan) -> bool:
        """Whether `plan` has the same zones and services, edited by names alone or not at all."""
        if len(self.pool) * _SPARE > self.fresh * (_SPARE + 1):
            return False
        then = self.plan
        if list(plan.zones) != list(then.zones) or list(plan.services) != list(then.services):
            return False
        if _cores(then) != _cores(plan):
            return False
        zones = zip(then.zones.values(), plan.zones.values(), strict=True)
        return all(was is now or _follows(was, now) for was, now in zones)

    def with_nodes(self, plan: Plan, made: Callable[[Key, int, Node], bytes]) -> bytes:
        """The nodes of `plan`, of which those that were edited are `made`."""
        sections = []
        at = 0
        zones = zip(self.plan.zones.values(), plan.zones.values(), strict=True)
        for place, (was, now) in enumerate(zones):
            end = at + len(was.nodes) * NODE_SIZE
            section = self.nodes[at:end]
            sections.append(section if was is now else _edited(section, place, was, now, made))
            at = end
        return b"".join(sections)


def _cores(plan: Plan) -> list[str | None]:
    """The core services behind each, which names of edge services may lead to."""
    return [service.core and service.core.service for service in plan.services.values()]


def _follows(was: ZonePlan, now: ZonePlan) -> bool:
    return now.edited is not None and now.edited.of is was.stamp


def _edited(
    section: bytes,
    place: int,
    was: ZonePlan,
    now: ZonePlan,
    made: Callable[[Key, int, Node], bytes],
) -> bytes:
    assert now.edited is not None
    changed, gone = set(now.edited.changed), set(now.edited.gone)
    nodes, cut = bytearray(section), []
    for index, key in enumerate(was.nodes):
        if key in changed:
            nodes[index * NODE_SIZE : (index + 1) * NODE_SIZE] = made(key, place, now.nodes[key])
        elif key in gone:
            cut.append(index)
    for index in reversed(cut):
        del nodes[index * NODE_SIZE : (index + 1) * NODE_SIZE]
    for key in islice(now.nodes, len(was.nodes) - len(cut), None):
        nodes += made(key, place, now.nodes[key])
    return bytes(nodes)
