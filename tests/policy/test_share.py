"""The draw of a block: even, the block's own, and no relation of what orders regions by weight."""

from __future__ import annotations

from collections import Counter

import pytest

from resolverd.dns.prefix import parse_prefix
from resolverd.policy.ranking import weighted
from resolverd.policy.share import draw

COUNT = 6000
V4, V6 = "10.{0}.{1}.0/24", "2001:db8:{0:x}{1:02x}::/48"


@pytest.mark.parametrize("family", [V4, V6])
@pytest.mark.parametrize("share", [0.05, 0.3, 0.5, 0.9])
def test_a_share_of_neighbouring_blocks_is_about_that_share(family: str, share: float) -> None:
    draws = [draw(parse_prefix(family.format(n >> 8, n & 255))) for n in range(COUNT)]
    assert all(0 <= each < 1 for each in draws)
    assert abs(sum(each < share for each in draws) / COUNT - share) < 0.03


def test_a_draw_tells_nothing_of_the_order_by_weight() -> None:
    """Else a region that sends on a share of its clients would send on all or none of them."""
    regions = ("a", "b", "c")
    blocks = [parse_prefix(V4.format(n >> 8, n & 255)) for n in range(COUNT)]
    firsts = [(weighted(regions, {}, block)[0], draw(block) < 0.3) for block in blocks]
    of_region, sent_on = Counter(first for first, _ in firsts), Counter(firsts)
    for region in regions:
        assert abs(sent_on[region, True] / of_region[region] - 0.3) < 0.05


def test_the_draws_are_those_of_any_earlier_release() -> None:
    """Another hash would move every client of a region that spills at an upgrade."""
    assert draw(parse_prefix("10.0.0.0/24")) == 0.9875250564959906
    assert draw(parse_prefix("2001:db8::/48")) == 0.4153898514870703
