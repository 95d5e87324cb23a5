"""What an image of a Plan keeps for the next one, so that an edit of few names makes few records.

Nodes lie in the order of their zones' names, and nothing points to them: those that an edit
changed are written over, new ones added to their zone, those gone cut out. Their RRsets and octets
are added behind all others. What nobody points to any more stays until it is an eighth, and then
the image is made anew. It costs some 100 octets a name, and is kept of large Plans only.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import compress, islice

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

Octets = bytes | memoryview
"""A part of a section. What did not change is a view of the image before: of a large zone each copy
is some megabytes of memory that is new to the process."""

_SPARE = 8  # an image is made anew once more than one in so many of its octets is unused


@dataclass(frozen=True, slots=True)
class KeptImage:
    """Sections of an image of `plan`, as they lie in it; `soas` are the places of its zones' SOA by
    identity.

    `fresh` is how large the pool was when it was made anew.
    """

    plan: Plan
    nodes: memoryview
    rrsets: memoryview
    rrset_count: int
    referrals: memoryview
    glue: memoryview
    pool: memoryview
    soas: Mapping[int, int]
    fresh: int

    @classmethod
    def of(
        cls,
        plan: Plan,
        octets: bytes,
        sections: Sequence[int],
        rrset_count: int,
        soas: Mapping[int, int],
        base: KeptImage | None,
    ) -> KeptImage | None:
        """What is worth keeping of the image `octets`, which was made of `base`, or anew.

        `sections` are where its nodes, RRsets, zone cuts, glue and pool begin, and where the glue
        ends; the pool ends with the image.
        """
        nodes, rrsets, referrals, glue, end, pool = sections
        if rrsets - nodes < LARGE * NODE_SIZE:
            return None
        whole = memoryview(octets)
        fresh = base.fresh if base else len(octets) - pool
        return cls(
            plan,
            whole[nodes:rrsets],
            whole[rrsets:referrals],
            rrset_count,
            whole[referrals:glue],
            whole[glue:end],
            whole[pool:],
            soas,
            fresh,
        )

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

    def with_nodes(self, plan: Plan, made: Callable[[Key, int, Node], bytes]) -> Iterator[Octets]:
        """The nodes of `plan`, of which those that were edited are `made`."""
        at = 0
        zones = zip(self.plan.zones.values(), plan.zones.values(), strict=True)
        for place, (was, now) in enumerate(zones):
            end = at + len(was.nodes) * NODE_SIZE
            section = self.nodes[at:end]
            if was is now:
                yield section
            else:
                yield from _edited(section, place, was, now, made)
            at = end


def _cores(plan: Plan) -> list[str | None]:
    """The core services behind each, which names of edge services may lead to."""
    return [service.core and service.core.service for service in plan.services.values()]


def _follows(was: ZonePlan, now: ZonePlan) -> bool:
    return now.edited is not None and now.edited.of is was.stamp


def _edited(
    section: memoryview,
    place: int,
    was: ZonePlan,
    now: ZonePlan,
    made: Callable[[Key, int, Node], bytes],
) -> Iterator[Octets]:
    assert now.edited is not None
    changed, gone = set(now.edited.changed), {*now.edited.gone}
    at = cut = 0
    # Those few are picked out of all names without a step of Python's for each.
    for index, key in _picked(was.nodes, changed | gone):
        yield section[at : index * NODE_SIZE]
        at = (index + 1) * NODE_SIZE
        if key in changed:
            yield made(key, place, now.nodes[key])
        else:
            cut += 1
    yield section[at:]
    for key in islice(now.nodes, len(was.nodes) - cut, None):
        yield made(key, place, now.nodes[key])


def _picked(names: Collection[Key], wanted: Set[Key]) -> Iterator[tuple[int, Key]]:
    """Which of `names` are `wanted`, and the number of each."""
    return compress(enumerate(names), map(wanted.__contains__, names))
