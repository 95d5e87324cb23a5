"""TOML's own errors say what stands where, and what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolverd.config.load import load_config
from resolverd.errors import ConfigError, Problem

SERVER = "[server]\ncoordinates = [1, 2]\n"


def problem(folder: Path, text: str) -> Problem:
    """What is found first in a configuration that is no TOML, or has a table too many."""
    path = folder / "resolverd.toml"
    path.write_text(f"{SERVER}{text}\n")
    with pytest.raises(ConfigError) as refused:
        load_config(path)
    return next(p for p in refused.value.problems if p.severity == "error")


TWICE = "write its keys there"
COMMENT, ALONE = "write # before a comment", "write [TABLE] on the line alone"
UNQUOTED = "the list of regions has elements without quotes, or without a comma between them"
LISTED, OPEN = 'write regions = ["…", "…"]', "regions has a [ that is not closed"
BRACE, TRIPLE = "write } at its end", 'write """ at its end'


@pytest.mark.parametrize(
    ("text", "line", "message", "hint"),
    [
        (
            "[region.a]\ncountry = 'DE'\n[service.s]\n[region.a]",
            6,
            "[region.a] stands in line 3 already",
            TWICE,
        ),
        (
            "[service.s]\nttl = '1s'\nttl = '2s'",
            5,
            "ttl is set in line 4 already",
            "keep one of them",
        ),
        ("ttl = 60s", 3, "ttl has a value without quotes", 'write ttl = "60s"'),
        (
            "policy = nearest # x",
            3,
            "policy has a value without quotes",
            'write policy = "nearest"',
        ),
        ("ecs = True", 3, "ecs = True is neither true nor false", "write ecs = true"),
        ("ecs = no", 3, "ecs = no is neither true nor false", "write ecs = false"),
        ("ttl =", 3, "ttl has no value", "write one after ttl =, or remove the line"),
        ('ttl = "60s', 3, "the quotes of ttl are not closed", "close them on the same line"),
        ("ttl 60", 3, "there is no = here, and no [table]", "write KEY = VALUE, or [TABLE]"),
        ('ttl = "60s" // a minute', 3, "something follows the value of ttl", COMMENT),
        ("// a minute", 3, "a comment begins with #", "write # before it"),
        ("ttl = “60s”", 3, "ttl has typographic quotes", 'write straight ones, ttl = "…"'),
        ("[service.s\nttl = '1s'", 3, "this is no table's name in brackets", ALONE),
        ("regions = [a, b]", 3, UNQUOTED, LISTED),
        ('regions = ["a" "b"]', 3, UNQUOTED, LISTED),
        # The reader stops lines later, at what cannot be an element.
        ('regions = ["a", # [one\n "b"\n\n[pin.x]\nttl = "1s"', 3, OPEN, "write ] at its end"),
        ('regions = ["a", "b"\nttl = "1s"', 3, OPEN, "write ] at its end"),
        ("weights = { a = 1\nttl = '1s'", 3, "the value has a { that is not closed", BRACE),
        ('body = """x\nttl = "1s"', 3, "the text that begins here is not closed", TRIPLE),
        ('body = """\nx"""\nttl = 60s', 5, "ttl has a value without quotes", 'write ttl = "60s"'),
        ("[services.x]\nttl = '1s'", 3, "[services] is no table", "did you mean [service.x]?"),
    ],
)
def test_a_mistake_of_form_is_said_with_what_to_write(
    tmp_path: Path, text: str, line: int, message: str, hint: str
) -> None:
    found = problem(tmp_path, text)
    assert (found.line, found.message, found.hint) == (line, message, hint)


def test_a_value_that_may_be_secret_is_not_repeated(tmp_path: Path) -> None:
    found = problem(tmp_path, "[probe]\npassword = hunter2\n")
    assert "hunter2" not in f"{found.message}{found.hint}{found.source}"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[service.s]\nttl = 60s\n", (2, 7)),
        ("[service.s]\n  answer = cname  # soon\n", (2, 12)),
        ('[service.s]\nttl = "1m"\n\tttl = "2m"\n', (3, 2)),
        ("[server]\n[service.s]\n [server]\n", (3, 3)),
        ("[services.s]\n", (1, 2)),
        ("[ service . s ]\nbad = 1\n", (2, 1)),
        ("service.s.pollicy = 'x'\n", (1, 11)),
    ],
)
def test_the_caret_is_under_what_is_wrong(
    tmp_path: Path, text: str, place: tuple[int, int]
) -> None:
    path = tmp_path / "resolverd.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as refused:
        load_config(path)
    wanted = {"config-syntax", "config-unknown-key"}
    [problem] = [p for p in refused.value.problems if p.id in wanted]
    assert (problem.line, problem.column) == place


def test_endpoints_written_as_one_table_are_a_list_of_them(tmp_path: Path) -> None:
    path = tmp_path / "resolverd.toml"
    path.write_text("[region.a.endpoint]\n[region.a.endpoint]\n")
    with pytest.raises(ConfigError) as refused:
        load_config(path)
    assert "write [[region.a.endpoint]] in both places" in refused.value.problems[0].hint


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_a_file_in_another_encoding_is_to_be_saved_as_utf_8(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "resolverd.toml"
    path.write_bytes("# bücher\n".encode(encoding))
    with pytest.raises(ConfigError) as refused:
        load_config(path)
    [problem] = [p for p in refused.value.problems if p.id == "config-unreadable"]
    assert (problem.hint, "octet" in problem.message) == ("save it as UTF-8", True)
