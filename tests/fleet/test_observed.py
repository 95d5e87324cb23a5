"""Messages of observations: written, and read back strictly."""

from __future__ import annotations

import contextlib
import json
import math
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.fleet.observed import (
    MAX_OCTETS,
    MAX_TEXT,
    Head,
    Observed,
    RefusedError,
    digest_of,
    fragment,
    read_targets,
    split,
    write_message,
    write_targets,
)
from resolverd.health.verdict import State

HEAD = Head("fra1", "5f0c", (50.1, 8.7), 1_789_000_000.5, 81.2, 5.0)
UP = Observed(State.UP, "9f2c41aa", connect_ms=1.25)
numbers = st.none() | st.floats(0, 1000).map(lambda value: round(value, 3))
observations = st.builds(
    Observed,
    st.sampled_from(State),
    st.text("0123456789abcdef", min_size=8, max_size=8),
    st.text(st.characters(categories=("L", "N", "P")), max_size=MAX_TEXT),
    numbers, numbers, numbers, numbers, numbers,
    st.booleans(),
)  # fmt: skip
targets = st.dictionaries(
    st.text(st.characters(categories=("L", "N")), min_size=1, max_size=40), observations, max_size=8
)


def message(seen: dict[str, Observed], head: Head = HEAD) -> bytes:
    return write_message(head, write_targets({id_: fragment(o) for id_, o in seen.items()}))


def read(payload: bytes) -> tuple[Head, dict[str, Observed]]:
    head, octets = split(payload)
    return head, {id_: observed for id_, (_, observed) in read_targets(octets, {}).items()}


@given(targets)
def test_what_is_written_is_read(seen: dict[str, Observed]) -> None:
    assert read(message(seen)) == (HEAD, seen)


def test_it_is_json_of_the_shape_that_is_documented() -> None:
    assert json.loads(message({"eu-1": UP})) == {
        "format": 1, "edge": "fra1", "run": "5f0c", "place": [50.1, 8.7], "at": 1_789_000_000.5,
        "clock": 81.2, "valid": 5.0, "whole": True,
        "targets": {"eu-1": {"state": "up", "of": "9f2c41aa", "connect_ms": 1.25}},
    }  # fmt: skip


def test_what_a_newer_edge_says_more_is_passed_over() -> None:
    value = json.loads(message({"eu-1": UP}))
    value["targets"]["eu-1"]["colour"] = "green"
    targets_ = value.pop("targets")
    payload = json.dumps({**value, "new": 1, "targets": targets_}, separators=(",", ":")).encode()
    assert read(payload) == (HEAD, {"eu-1": UP})


HEADS: dict[str, Any] = {
    "format": 2, "edge": "", "run": 7, "place": [91, 0], "at": -1, "clock": "1", "valid": True,
    "whole": 1,
}  # fmt: skip
TARGETS: dict[str, Any] = {
    "state": "dead", "of": None, "reason": "a\x1b[31m", "connect_ms": -1, "ttft_ms": "3",
    "saturation": 1e400, "since": math.nan, "asked": 1e300, "late": 1,
}  # fmt: skip


@pytest.mark.parametrize(("name", "wrong"), HEADS.items(), ids=HEADS)
def test_a_head_that_is_wrong_in_anything_is_refused(name: str, wrong: Any) -> None:
    value = json.loads(message({}))
    value[name] = wrong
    with pytest.raises(RefusedError):
        split(json.dumps(value, separators=(",", ":")).encode())


@pytest.mark.parametrize(("name", "wrong"), TARGETS.items(), ids=TARGETS)
def test_a_target_that_is_wrong_in_anything_is_refused(name: str, wrong: Any) -> None:
    value = {"state": "up", "of": "9f2c41aa", name: wrong}
    with pytest.raises(RefusedError):
        read_targets(json.dumps({"eu-1": value}).encode(), {})


@pytest.mark.parametrize(
    "payload",
    [
        b"", b"{}", b"[]", b"null", b"\xff" * 100, b'{"targets":{}}', b'{"edge":1,"targets":{}}',
        b'{,"targets":{}}', message({})[:-1], message({}) + b" ", b"[" * 200_000,
        b'{"format":1,"targets":' + b"[" * 100_000 + b"}}", b"x" * (MAX_OCTETS + 1),
    ],
    ids=lambda payload: repr(payload[:12]),
)  # fmt: skip
def test_what_is_no_message_is_refused(payload: bytes) -> None:
    with pytest.raises(RefusedError):
        read(payload)


@given(st.binary(max_size=300), st.integers(0, 200))
def test_octets_that_somebody_changed_are_read_or_refused_and_never_worse(
    noise: bytes, at: int
) -> None:
    payload = message({"eu-1": UP, "us-1": UP})
    with contextlib.suppress(RefusedError):
        read(payload[:at] + noise + payload[at + len(noise) :])


def test_what_says_what_was_said_before_is_the_same_object() -> None:
    _, octets = split(message({"eu-1": UP, "us-1": UP}))
    before = read_targets(octets, {})
    _, octets = split(message({"eu-1": UP, "us-1": UP._replace(state=State.DOWN)}))
    after = read_targets(octets, before)
    assert after["eu-1"] is before["eu-1"]
    assert after["us-1"][1].state is State.DOWN


def test_a_reason_that_cannot_be_shown_or_is_long_is_told_as_far_as_it_can() -> None:
    told = json.loads(fragment(UP._replace(reason="\x1b[31m" + "x" * 500)))["reason"]
    assert told.startswith(" [31mxxx")
    assert len(told) == MAX_TEXT


def test_a_digest_tells_what_is_asked_and_no_password() -> None:
    digest = digest_of("http://user:secret@gpu1.example:8000/v1", "m")
    assert digest == digest_of("http://gpu1.example:8000/v1", "m")
    assert digest != digest_of("http://gpu2.example:8000/v1", "m")
    assert digest != digest_of("http://gpu1.example:8000/v1", "n")


def test_a_thousand_targets_are_well_under_a_megabyte_and_cheap() -> None:
    many = {
        f"region-{n}-endpoint-{n % 7}": UP._replace(
            since=1_789_000_000.0, ttft_ms=12.3, asked=81.123
        )
        for n in range(1000)
    }
    payload = message(many)  # fmt: skip
    assert len(payload) < 200_000
    began = time.process_time()
    head, octets = split(payload)
    known = read_targets(octets, {})
    for _ in range(20):
        read_targets(octets, known)
    assert time.process_time() - began < 1.0  # some 30 ms on an idle core
    assert head == HEAD
