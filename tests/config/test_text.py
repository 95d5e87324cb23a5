"""Text that no file name, host or header can have is refused where it stands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from resolverd.config.load import load_config
from resolverd.errors import ConfigError, Problem

GOOD: dict[str, Any] = {
    "server": {"coordinates": [50.1, 8.7], "listen": ["127.0.0.1:53"], "state": "state"},
    "admin": {"socket": "", "listen": ""},
    "probe": {"kind": "http", "host": "gpu.example:8000", "headers": {"X-Probe": "edge 1\t2"}},
    "region": {
        "a": {"coordinates": [1, 2], "endpoint": [{"address": ["192.0.2.1"], "url": "http://x"}]}
    },
    "service": {"s": {"regions": ["a"], "ttl": "60s", "failover_ttl": "5s"}},
}


def problems(folder: Path, *changes: tuple[tuple[str, ...], Any]) -> tuple[Problem, ...]:
    """What is found where `GOOD` has these values at these places."""
    tree = json.loads(json.dumps(GOOD))
    for (*tables, key), value in changes:
        node = tree
        for table in tables:
            node = node[table]
        node[key] = value
    path = folder / "resolverd.toml"
    path.write_text("")
    (folder / "resolverd.d").mkdir(exist_ok=True)
    server = tree.pop("server")
    path.write_text("[server]\n" + "".join(f"{k} = {json.dumps(v)}\n" for k, v in server.items()))
    with path.open("a") as file:
        for table in ("admin", "probe"):
            rows = [f"{k} = {_inline(v)}\n" for k, v in tree.pop(table).items()]
            file.write(f"[{table}]\n{''.join(rows)}")
    (folder / "resolverd.d" / "rest.json").write_text(json.dumps(tree))
    try:
        return load_config(path).warnings
    except ConfigError as refused:
        return refused.problems


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {json.dumps(v)}" for k, v in value.items()) + "}"
    return json.dumps(value)


def test_what_a_request_can_carry_is_taken(tmp_path: Path) -> None:
    assert problems(tmp_path) == ()


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("server", "geoip"), ["city.mmdb", "\0"]),
        (("server", "zones"), ["zones/\0*.zone"]),
        (("server", "state"), "a\0b"),
        (("admin", "socket"), "\0resolverd"),
        (("admin", "token_file"), "token\0"),
        (("probe", "path"), "/health\0"),
        (("region", "a", "endpoint"), [{"address": ["192.0.2.1"], "url": "http://x/\0"}]),
    ],
)
def test_u_0000_is_refused_where_it_stands(
    place: tuple[str, ...], value: Any, tmp_path: Path
) -> None:
    found = problems(tmp_path, (place, value))
    assert "config-nul" in {problem.id for problem in found}
    assert all(problem.line for problem in found if problem.id == "config-nul")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("host", "gpu.example\r\nX-Other: 1"),
        ("host", "gpu example"),
        ("host", "gpü.example"),
        ("headers", {"X Probe": "1"}),
        ("headers", {"": "1"}),
        ("headers", {"X-Probe:": "1"}),
        ("headers", {"X-Probe": "1\r\nX-Other: 1"}),
        ("headers", {"X-Probe": "1\x7f"}),
    ],
)
def test_rfc9110_5_what_no_field_can_be_is_refused(option: str, value: Any, tmp_path: Path) -> None:
    found = [p for p in problems(tmp_path, (("probe", option), value)) if p.severity == "error"]
    assert found
    assert all("RFC 9110" in problem.message for problem in found)


def test_no_message_shows_the_value_of_a_header(tmp_path: Path) -> None:
    secret = "hunter2\r\n"
    found = problems(tmp_path, (("probe", "headers"), {"Authorization": f"Bearer {secret}"}))
    assert not any("hunter2" in f"{p.message} {p.hint}" for p in found)
