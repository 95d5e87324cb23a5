"""The search tree is checked whole: every record in range, every path ends in time."""

from __future__ import annotations

import io
import random
from array import array
from pathlib import Path
from typing import Literal

import maxminddb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mmdb_writer import Record, mmdb_bytes

from resolverd.errors import GeoError
from resolverd.geo.tree import SearchTree, Survey, parse_tree, survey

SG: Record = {"country_code": "SG"}


def silent(fraction: float) -> None:
    assert 0 <= fraction <= 1


def read(content: bytes) -> tuple[SearchTree, int]:
    metadata = reader_of(content).metadata()
    return parse_tree(content, metadata.node_count, metadata.record_size), metadata.ip_version


def reader_of(content: bytes) -> maxminddb.Reader:
    return maxminddb.open_database(io.BytesIO(content), maxminddb.MODE_FD)


def tree_of(*nodes: tuple[int, int]) -> SearchTree:
    """A tree from (left, right) pairs."""
    return SearchTree(
        len(nodes), array("I", [n[0] for n in nodes]), array("I", [n[1] for n in nodes])
    )


@pytest.mark.parametrize(
    "name",
    [f"MaxMind-DB-test-{kind}-{size}.mmdb" for kind in ("ipv4", "ipv6") for size in (24, 28, 32)],
)
def test_a_survey_finds_as_many_networks_as_the_reader_iterates(corpus: Path, name: str) -> None:
    content = (corpus / name).read_bytes()
    found = survey(*read(content), len(content), silent)
    records = [str(record) for _, record in reader_of(content)]
    assert found.networks == len(records)
    assert len(found.offsets) == len(set(records))


@pytest.mark.parametrize("size", [24, 28, 32])
def test_an_aliased_ipv4_subtree_is_no_damage(corpus: Path, size: int) -> None:
    content = (corpus / f"MaxMind-DB-test-mixed-{size}.mmdb").read_bytes()
    assert survey(*read(content), len(content), silent).networks > 0


def test_an_ipv6_tree_without_ipv4_is_no_damage(corpus: Path) -> None:
    content = (corpus / "MaxMind-DB-no-ipv4-search-tree.mmdb").read_bytes()
    assert survey(*read(content), len(content), silent) == Survey(1, [0])


def test_a_tree_that_leads_back_into_itself_is_refused(corpus: Path) -> None:
    content = (corpus / "MaxMind-DB-test-broken-search-tree-24.mmdb").read_bytes()
    with pytest.raises(GeoError, match="cycle"):
        survey(*read(content), len(content), silent)


@pytest.mark.parametrize(
    ("tree", "ip_version", "reason"),
    [
        pytest.param(tree_of((0, 1)), 4, "cycle", id="a node that leads to itself"),
        pytest.param(tree_of((1, 2), (0, 2)), 4, "cycle", id="a node that leads to its parent"),
        pytest.param(tree_of((1, 2), (0, 2)), 6, "cycle", id="a cycle through the IPv4 start"),
        pytest.param(tree_of((0, 0)), 6, "cycle", id="both sides lead back"),
        pytest.param(
            tree_of(*((i + 1, 33) for i in range(33))), 4, "longer than 32", id="too deep for IPv4"
        ),
        pytest.param(
            tree_of(*((i + 1, 129) for i in range(129))), 6, "longer than 32", id="too deep for v6"
        ),
        pytest.param(tree_of((1, 2), (2 + 5, 2)), 4, "outside", id="into the separator"),
        pytest.param(tree_of((1, 2), (2 + 16 + 100, 2)), 4, "outside", id="just past the data"),
    ],
)
def test_damage_is_refused_with_its_kind(tree: SearchTree, ip_version: int, reason: str) -> None:
    with pytest.raises(GeoError, match=reason):
        survey(tree, ip_version, 100, silent)


def test_the_last_byte_of_the_data_is_still_inside() -> None:
    assert survey(tree_of((1 + 16 + 99, 1)), 4, 100, silent) == Survey(1, [99])


def test_shared_subtrees_are_legal_and_cheap() -> None:
    """Thirty-two nodes whose sides are the same next node: 2³² paths, 32 steps."""
    nodes = [(i + 1, i + 1) for i in range(31)]
    assert survey(tree_of(*nodes, (32, 32 + 16)), 4, 100, silent).offsets == [0]


@pytest.mark.parametrize("count", [0, 10_000])
def test_a_node_count_that_cannot_be_is_refused(count: int) -> None:
    with pytest.raises(GeoError, match="does not fit"):
        parse_tree(mmdb_bytes({"10.0.0.0/8": SG}), count, 24)


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.sampled_from([24, 28, 32]), st.sampled_from([4, 6]))
def test_a_survey_of_any_database_agrees_with_iterating_it(
    seed: int, record_size: Literal[24, 28, 32], ip_version: Literal[4, 6]
) -> None:
    rng = random.Random(seed)
    networks: dict[str, Record] = {
        f"{rng.randint(1, 9)}.{rng.randint(0, 3)}.{rng.randint(0, 255)}.0/24": {
            "country_code": rng.choice(["SG", "DE", "BR"])
        }
        for _ in range(rng.randint(1, 40))
    }
    content = mmdb_bytes(networks, "country ipv4", record_size, ip_version, aliases=ip_version == 6)
    found = survey(*read(content), len(content), silent)
    records = [str(record) for _, record in reader_of(content)]
    assert found.networks == len(records)
    assert len(found.offsets) == len(set(records))
