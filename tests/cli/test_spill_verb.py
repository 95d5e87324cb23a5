"""spill with a daemon that runs: what it says, what it refuses, and its exit codes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.command import resolverd
from cli.live import Live, live_chat
from harness.config import CHAT

from resolverd.admin.documents.actions import SpillRuleClearedDocument, SpillRuleSetDocument
from resolverd.admin.documents.state import StateDocument


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """One daemon for the whole module; each test leaves it as it was."""
    with live_chat(tmp_path_factory.mktemp("served"), CHAT) as found:
        yield found


@pytest.fixture
def place(served: Live) -> Iterator[Path]:
    yield served.place
    for region in ([], ["--region", "eu-west"], ["--region", "us-east"]):
        resolverd("spill", "chat", *region, "auto", cwd=served.place)


def test_a_share_says_who_takes_it_until_when_and_how_to_undo_it(place: Path) -> None:
    ran = resolverd(
        "spill", "chat", "--region", "eu-west", "30%", "--for", "2h", "--why", "a launch", cwd=place
    )
    assert (ran.status, ran.err) == (0, "")
    rule, taken, undo = ran.out.splitlines()
    assert re.fullmatch(r"chat/eu-west: 30% for 2h, until 20\S+", rule)
    assert taken == "taken, as far as it is now: us-east 30%, us-west 30%, ap-northeast 30%"
    assert undo == "undo: resolverd spill chat --region eu-west auto"
    shown = resolverd("state", cwd=place).out
    assert re.search(r"chat/eu-west +30% +\S+.* a launch", shown)
    assert re.search(r"spill rules +1\n", shown)
    assert "chat/eu-west" in resolverd("state", "eu-west", cwd=place).out
    assert "chat/eu-west" not in resolverd("state", "us-east", cwd=place).out
    ran = resolverd("spill", "chat", "--region", "eu-west", "auto", cwd=place)
    assert (ran.status, ran.err) == (0, "")
    assert re.fullmatch(r"chat/eu-west: auto again \(was 30% by \S+: a launch\)\n", ran.out)


def test_off_is_of_a_service_or_a_region_and_programs_read_it(place: Path) -> None:
    ran = resolverd("spill", "chat", "off", "--why", "its metrics lie", "--json", cwd=place)
    document = SpillRuleSetDocument.model_validate(ran.json())
    assert (document.set.region, document.set.share, document.set.until) == (None, 0, None)
    state = StateDocument.model_validate(resolverd("state", "--json", cwd=place).json())
    assert [rule.service for rule in state.spill_rules] == ["chat"]
    ran = resolverd("spill", "chat", "auto", "--json", cwd=place)
    assert SpillRuleClearedDocument.model_validate(ran.json()).cleared.why == "its metrics lie"


def test_where_all_are_under_rules_it_says_that_nothing_moves(place: Path) -> None:
    for region in ("us-east", "us-west", "ap-northeast"):
        resolverd("spill", "chat", "--region", region, "off", "--why", "x", cwd=place)
    ran = resolverd("spill", "chat", "--region", "eu-west", "0.3", "--why", "x", cwd=place)
    assert ran.status == 0
    says = "every other region of chat is under a spill rule too, and takes nobody: what eu-west"
    assert says in " ".join(ran.err.split())
    for region in ("us-west", "ap-northeast"):
        resolverd("spill", "chat", "--region", region, "auto", cwd=place)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("chat", "30%", "--why", "x"), "name the region"),
        (("chat", "--region", "eu-west", "30%"), "say why"),
        (("chat", "--region", "eu-west", "auto", "--why", "x"), "leave --why and --for out"),
        (("chat", "--region", "eu-west", "0", "--why", "x"), "write off"),
        (("chat", "--region", "eu-west", "130%", "--why", "x"), "up to 100%"),
        (("chat", "--region", "eu-west", "nan", "--why", "x"), "is no share"),
        (("chat", "--region", "eu-west", "most", "--why", "x"), "is not off, auto or a share"),
        (("chatt", "off", "--why", "x"), "did you mean chat?"),
        (("chat", "--region", "eu-wets", "off", "--why", "x"), "eu-west"),
        (("chat", "--region", "eu-west", "off", "--edge", "fra1", "--why", "x"), "no fleet here"),
        (("chat", "auto"), "spill rules now: none"),
    ],
)
def test_what_cannot_be_is_told_with_what_to_write(
    place: Path, arguments: tuple[str, ...], says: str
) -> None:
    ran = resolverd("spill", *arguments, cwd=place)
    assert ran.status == 2
    assert says in ran.err
