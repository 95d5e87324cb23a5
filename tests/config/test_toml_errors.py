"""TOML's own errors say what stands where, and what to write instead."""

from __future__ import annotations

from collections.abc import Sequence
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
STRAIGHT, SAME_LINE = 'write straight ones, "…"', "close them on the same line"
BACKSLASH = "write \\\\, or put the text in single quotes"
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


@pytest.mark.parametrize(
    ("elements", "line", "message", "hint"),
    [
        ('"us",\n  eu,', 5, UNQUOTED, LISTED),
        ('"us"\n  "eu"', 5, UNQUOTED, LISTED),
        ('"us";\n  "eu"', 4, UNQUOTED, LISTED),
        ('"us",\n  [::]:53,', 5, UNQUOTED, LISTED),
        ('"us", # [x\n  http://a,', 5, UNQUOTED, LISTED),
        ('"us", // first\n  "eu"', 4, "a comment begins with #", "write # before it"),
        ('"us",\n  “eu”', 5, "the list of regions has typographic quotes", STRAIGHT),
        ('"us",\n  "eu,', 5, "the list of regions has quotes that are not closed", SAME_LINE),
        ('"us",\n  "\\d"', 5, "the list of regions has a backslash that is no escape", BACKSLASH),
    ],
)
def test_a_mistake_in_a_list_of_several_lines_is_said_where_it_stands(
    tmp_path: Path, elements: str, line: int, message: str, hint: str
) -> None:
    found = problem(tmp_path, f'regions = [\n  {elements}\n]\nttl = "1s"')
    assert (found.line, found.message, found.hint) == (line, message, hint)


def test_the_caret_stands_at_the_comment_and_at_no_url_before_it(tmp_path: Path) -> None:
    found = problem(tmp_path, 'x = [\n  "http://a", // first\n  "eu"\n]')
    assert (found.line, found.column, found.hint) == (4, 15, "write # before it")


@pytest.mark.parametrize(
    ("text", "place", "table"),
    [
        ("[region.us]\ngpus = {\n  count = 8,\n}\n[pin.x]", (4, 8), "[region.us.gpus]"),
        ("[region.us]\ngpus = { count = 8,\n}", (4, 8), "[region.us.gpus]"),
        ("[region.us]\nendpoint = [\n  {\n    url = 'x',\n  },\n]", (5, 3), "a [TABLE]"),
    ],
)
def test_a_table_in_braces_over_several_lines_is_said_to_be_one_line(
    tmp_path: Path, text: str, place: tuple[int, int], table: str
) -> None:
    found = problem(tmp_path, text)
    assert found.message == "a table in { and } stands in one line"
    assert (found.line, found.column) == place
    assert f"or {table} with its keys below" in found.hint


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


def test_a_number_of_too_many_digits_is_said_where_it_stands(tmp_path: Path) -> None:
    found = problem(tmp_path, f"[service.s]\nttl = 1{'0' * 5000}")
    assert (found.id, found.line, found.column) == ("config-syntax", 4, 7)
    assert found.message == "a number has too many digits"


@pytest.mark.parametrize(
    ("text", "nest", "depths"),
    [
        pytest.param("x = {}0{}", ("[", "]"), (64, *range(300, 520), 5000), id="arrays"),
        pytest.param("x = {}0{}", ("{a=", "}"), (64, *range(300, 520), 5000), id="inline tables"),
        pytest.param("{}x = 0{}", ("a.", ""), (64, 500, 5000), id="dotted keys"),
        pytest.param("[{}x{}]", ("a.", ""), (64, 500, 5000), id="tables"),
    ],
)
def test_what_nests_without_end_is_said(
    tmp_path: Path, text: str, nest: tuple[str, str], depths: Sequence[int]
) -> None:
    for depth in depths:
        found = problem(tmp_path, text.format(nest[0] * depth, nest[1] * depth))
        assert (found.id, found.message) == ("config-syntax", "it nests too deeply")


@pytest.mark.parametrize(("begin", "end"), [("[", "]"), ("{a=", "}")])
def test_what_nests_a_little_is_told_as_what_it_is(tmp_path: Path, begin: str, end: str) -> None:
    found = problem(tmp_path, f"x = {begin * 60}0{end * 60}")
    assert found.id == "config-unknown-key"


@pytest.mark.parametrize("mark", ["\u2028", "\u0085"])
def test_lines_end_where_toml_ends_them(tmp_path: Path, mark: str) -> None:
    found = problem(tmp_path, f"# one{mark}two\r\n[service.s]\r\nttl = 60s\r")
    assert (found.line, found.source) == (5, "ttl = 60s")
