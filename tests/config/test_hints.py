"""A hint says what to write: it is applied here, and what it was given for is gone.

Each option of each table is given what it cannot have: another kind of value, one out of its range,
a wrong unit, a place that is not there.
"""

from __future__ import annotations

import copy
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic.fields import FieldInfo

from resolverd.config.load import load_config
from resolverd.config.model import Config
from resolverd.config.reference import TABLES, range_of, unit_of
from resolverd.errors import ConfigError, Problem

Place = tuple[str | int, ...]

TREE: dict[str, Any] = {
    "server": {"coordinates": [50.1, 8.7], "listen": ["192.0.2.53:53"]},
    "admin": {},
    "probe": {},
    "alerts": {},
    "rtt": {},
    "fleet": {},
    "anycast": {"bird": {}, "exabgp": {}},
    "region": {
        "a": {
            "coordinates": [1, 2],
            "gpus": {"model": "H100_SXM", "count": 2},
            "endpoint": [{"address": ["192.0.2.1"], "url": "http://gpu.example"}],
        },
        "b": {
            "coordinates": [3, 4],
            "endpoint": [{"address": ["192.0.2.2"], "url": "http://gpu.example"}],
        },
    },
    "service": {"s": {"regions": ["a", "b"], "spill": {}}},
    "place": {"o": {"subnets": ["198.51.100.0/24"], "country": "IE"}},
    "pin": {"p": {"countries": ["IE"], "regions": ["a"]}},
}
WHERE: dict[str, Place] = {
    "[server]": ("server",),
    "[admin]": ("admin",),
    "[probe]": ("probe",),
    "[alerts]": ("alerts",),
    "[rtt]": ("rtt",),
    "[fleet]": ("fleet",),
    "[anycast]": ("anycast",),
    "[anycast.bird]": ("anycast", "bird"),
    "[anycast.exabgp]": ("anycast", "exabgp"),
    "[region.NAME]": ("region", "a"),
    "[[region.NAME.endpoint]]": ("region", "a", "endpoint", 0),
    "gpus = {…}": ("region", "a", "gpus"),
    "[service.NAME]": ("service", "s"),
    "[service.NAME.spill]": ("service", "s", "spill"),
    "[place.NAME]": ("place", "o"),
    "[pin.NAME]": ("pin", "p"),
}


def _options() -> Iterator[tuple[Place, FieldInfo]]:
    for title, section in TABLES:
        for name, field in section.model_fields.items():
            yield (*WHERE[title], name), field


OPTIONS = list(_options())
OTHER_KINDS: list[Any] = [3, -1.5, True, "no such value", [], [7], [[]], ["?"], {}, {"x": 1}]


def _wrong(field: FieldInfo) -> list[Any]:
    minimum, maximum = range_of(field)
    found = [*OTHER_KINDS, "5 parsecs", "12q"]
    found += [minimum - 1] if minimum is not None else []
    found += [maximum * 2 + 1] if maximum is not None else []
    if unit_of(field) == "seconds" and maximum is not None:
        found += [f"{maximum + 1:.0f}s", f"{int(maximum) * 1000 + 1000}ms"]
    return found


def toml(node: Any) -> str:
    """Inline TOML of plain values."""
    if isinstance(node, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in node.items()) + "}"
    if isinstance(node, list):
        return f"[{', '.join(map(toml, node))}]"
    return json.dumps(node)


def problems(folder: Path, tree: dict[str, Any]) -> tuple[Problem, ...]:
    """What is found of a tree, whose tables stand on a line each."""
    path = folder / "resolverd.toml"
    path.write_text("".join(f"{key} = {toml(value)}\n" for key, value in tree.items()))
    try:
        return load_config(path).warnings
    except ConfigError as refused:
        return refused.problems


def changed(place: Place, value: Any) -> dict[str, Any]:
    """`TREE` with `value` at `place`."""
    tree = copy.deepcopy(TREE)
    _set(tree, place, value)
    return tree


def _of_others(problem: Problem) -> bool:
    """Whether a right value of one option is at odds with another option, and that is said."""
    return bool(re.search("both hostname and|without client_certificate|load has no", str(problem)))


def _set(node: Any, place: Place, value: Any) -> None:
    for part in place[:-1]:
        node = node[part]
    node[place[-1]] = value


def proposed(hint: str) -> tuple[str, Any]:
    """The option and the value that a hint says to write; KeyError where it says none."""
    match = re.search(r"(?:write|add) (?:(\w+) = )?", hint)
    text = hint[match.end() :] if match else ""
    for end in range(len(text), 0, -1):
        try:
            return (match and match[1]) or "", tomllib.loads(f"value = {text[:end]}")["value"]
        except tomllib.TOMLDecodeError:
            continue
    raise KeyError(hint)


@pytest.mark.parametrize(
    ("place", "field"), OPTIONS, ids=[".".join(map(str, place)) for place, _ in OPTIONS]
)
def test_what_a_hint_proposes_is_taken(tmp_path: Path, place: Place, field: FieldInfo) -> None:
    said = 0
    for error in _wrong(field):
        found = [p for p in problems(tmp_path, changed(place, error)) if p.id == "config-value"]
        for problem in found:
            said += 1
            hint, row = problem.hint, problem.source
            assert "…" not in hint, (error, hint)
            assert (field.description or "") not in hint
            assert "[_" not in str(problem), problem  # no name of ours, nor of pydantic's
            assert "Input should" not in problem.message
            whole = f"{json.dumps(place[-1])} = {toml(error)}"
            begin = row.index(whole) if whole in row else -1
            if begin >= 0:  # the caret stands in the value
                value = begin + len(f"{json.dumps(place[-1])} = ")
                assert value <= problem.column - 1 < begin + len(whole), (error, str(problem))
            try:
                key, right = proposed(hint)
            except KeyError:
                pytest.fail(f"{error!r}: {problem.message} -- {hint}")
            if not key and isinstance(error, list):
                right = [right]  # it was an element
            if key == "x" and not isinstance(right, dict):
                right = {"x": right}  # one value of a table
            tree = changed(place, error)
            _set(tree, (*place[:-1], place[-1] if key in ("", "x") else key), right)
            after = problems(tmp_path, tree)
            again = [p for p in after if p.id == "config-value" and not _of_others(p)]
            assert again == [], (error, hint, right)
    assert said or field.description


ADDRESS: Place = ("region", "a", "endpoint", 0, "address")
LISTEN: Place = ("server", "listen")


def applied(folder: Path, place: Place, written: Any) -> Config:
    """The configuration in which each hint about `place` was obeyed."""
    value = written
    for _ in range(2):
        found = [p for p in problems(folder, changed(place, value)) if p.severity == "error"]
        if not found:
            break
        key, right = proposed(found[0].hint)
        assert key in ("", place[-1])
        value = right if key or not isinstance(value, list) else [right]
    return load_config(folder / "resolverd.toml").config


@pytest.mark.parametrize(
    ("place", "written", "right"),
    [
        (LISTEN, ["127.0.0.1"], ["127.0.0.1:53"]),
        (LISTEN, "127.0.0.1", ["127.0.0.1:53"]),
        (LISTEN, "127.0.0.1:5399", ["127.0.0.1:5399"]),
        (LISTEN, "127.0.0.1:5399, [::1]:5399", ["127.0.0.1:5399", "[::1]:5399"]),
        (LISTEN, ["::1"], ["[::1]:53"]),
        (LISTEN, ["[::1]"], ["[::1]:53"]),
        (LISTEN, ["::1:5399"], ["[::1]:5399"]),
        (LISTEN, ["2001:db8::53"], ["[2001:db8::53]:53"]),
        (LISTEN, ["localhost:5399"], ["127.0.0.1:5399"]),
        (LISTEN, ["127.0.0.1@5399"], ["127.0.0.1:5399"]),
        (LISTEN, ["127.0.0.1#5399"], ["127.0.0.1:5399"]),
        (LISTEN, ["127.0.0.1:99999"], ["127.0.0.1:53"]),
        (LISTEN, [":5399"], ["0.0.0.0:5399"]),
        (("admin", "listen"), "127.0.0.1", "127.0.0.1:9153"),
        (("admin", "listen"), ["127.0.0.1:9154"], "127.0.0.1:9154"),
        (ADDRESS, "198.51.100.10", ["198.51.100.10"]),
        (ADDRESS, ["198.51.100.10:8000"], ["198.51.100.10"]),
        (ADDRESS, ["198.51.100.10/32"], ["198.51.100.10"]),
        (ADDRESS, ["198.51.100.10/24"], ["198.51.100.10"]),
        (ADDRESS, ["http://198.51.100.10:8000"], ["198.51.100.10"]),
        (ADDRESS, ["[2001:db8::1]:8000"], ["2001:db8::1"]),
        (ADDRESS, ["2001:db8::1/128"], ["2001:db8::1"]),
        (("region", "a", "hostname"), "https://gpu.example:8000/x", "gpu.example"),
        (("region", "a", "endpoint", 0, "url"), "gpu.example:8000", "http://gpu.example:8000"),
        (("region", "a", "gpu_metrics"), "192.0.2.1:94/m", ["http://192.0.2.1:94/m"]),
        (("region", "a", "country"), ["us"], "US"),
        (("region", "a", "coordinates"), "39.1, -77.5", [39.1, -77.5]),
        (("region", "a", "hours"), "mon,fri 06:00-22:00", ["mon,fri 06:00-22:00"]),
        (("region", "a", "bias"), "20 ms", "20ms"),
        (("service", "s", "regions"), "b", ["b"]),
        (("service", "s", "regions"), "b, a", ["b", "a"]),
        (("service", "s", "policy"), "Failover", "failover"),
        (("service", "s", "policy"), "failver", "failover"),
        (("service", "s", "ttl"), "30", "30s"),
        (("service", "s", "ttl"), "5sec", "5s"),
        (("service", "s", "ttl"), "1 min", "1m"),
        (("service", "s", "ttl"), "1 hour, 30 minutes", "1h30m"),
        (("pin", "p", "regions"), "b", ["b"]),
        (("pin", "p", "subnets"), ["203.0.113.77/24"], ["203.0.113.0/24"]),
        (("pin", "p", "subnets"), "203.0.113.0/24", ["203.0.113.0/24"]),
        (
            ("pin", "p", "subnets"),
            "203.0.113.0/24, 198.51.100.0/24",
            ["203.0.113.0/24", "198.51.100.0/24"],
        ),
        (
            ("pin", "p", "subnets"),
            "203.0.113.0/24,2001:db8:1::/48",
            ["203.0.113.0/24", "2001:db8:1::/48"],
        ),
        (("place", "o", "subnets"), "2001:db8:1::/48, ::1", ["2001:db8:1::/48", "::1"]),
        (ADDRESS, "198.51.100.10, 2001:db8::1", ["198.51.100.10", "2001:db8::1"]),
        (("pin", "p", "continents"), ["na"], ["NA"]),
        (("pin", "p", "asn"), ["AS64500"], [64500]),
        (("server", "geoip"), "/x.mmdb", ["/x.mmdb"]),
        (("server", "nat64"), ["2001:db8:64::1/96"], ["2001:db8:64::/96"]),
        (("probe", "expect_status"), 503, [503]),
        (("probe", "expect_status"), "200, 503", [200, 503]),
        (("fleet", "urls"), "192.0.2.1:4222", ["nats://192.0.2.1:4222"]),
    ],
)
def test_a_hint_says_to_write_what_was_meant(
    tmp_path: Path, place: Place, written: Any, right: Any
) -> None:
    config = applied(tmp_path, place, written)
    problems(tmp_path, changed(place, right))
    assert config == load_config(tmp_path / "resolverd.toml").config


def test_a_wildcard_that_nobody_wrote_is_said_to_be_one(tmp_path: Path) -> None:
    found = problems(tmp_path, changed(LISTEN, ["eth0:53"]))
    (hint,) = (p.hint for p in found if p.severity == "error")
    assert hint == 'write "0.0.0.0:53", which listens on every address of this host'


@pytest.mark.parametrize(
    ("place", "written"),
    [
        (("service", "s", "ttl"), "12q"),
        (("region", "a", "bias"), "20"),  # ms, or a factor
        (ADDRESS, ["203.0.113.0/24"]),
        (("pin", "p", "subnets"), ["203.0.113.77/33"]),
        (("pin", "p", "subnets"), ["203.0.113.0/"]),
        (("pin", "p", "subnets"), ["203.0.113.0/24 198.18.0.0/15"]),
        (("pin", "p", "subnets"), ["203.0.113.0/24; 198.18.0.0/15"]),
        (("pin", "p", "subnets"), ["[203:113::77]/32"]),
        (ADDRESS, ["http://203.0.113.1, http://203.0.113.2"]),
        (("service", "s", "ttl"), "1" * 5000),
        (("pin", "p", "asn"), "1" * 5000),
        (("region", "a", "endpoint", 0, "url"), "operator:secret@gpu.example"),
    ],
)
def test_where_nobody_can_tell_what_was_meant_a_hint_has_an_example(
    tmp_path: Path, place: Place, written: Any
) -> None:
    found = problems(tmp_path, changed(place, written))
    (hint,) = (p.hint for p in found if p.severity == "error")
    assert "write " in hint
    assert not any(word in hint for word in ("12", "11", "bias = 20", "113", "secret"))
