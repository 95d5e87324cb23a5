"""What is wrong in a line of very many letters is found as soon as in a short one.

Looking from each letter on for what could begin there takes the square of them: minutes for these.
"""

from __future__ import annotations

import pytest

from resolverd.config.secrets import shown_json_line, shown_line, shown_text
from resolverd.config.toml_errors import explain_toml
from resolverd.config.types import parse_duration

MANY = "1" * 200_000


def test_a_number_of_many_digits_is_no_duration() -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(MANY)


LINES = [
    MANY,
    f"key = {MANY}",
    f'key = "{MANY}"',
    f"key = '{MANY}@'",
    "[" + "a" * 200_000,
    "[a." + '"b".' * 50_000,
    '"' * 100_000,
    "key = " + '""' * 50_000,
    "'\"" * 50_000,
    '"a' * 50_000,
    "a" + " " * 200_000,
    "[a" + " " * 200_000,
    "[" + " " * 200_000,
    "key = a" + " " * 200_000 + "b",
    "key = [" + " " * 200_000 + "b",
    '"' + '\\"' * 100_000,
    '"' + '\\"' * 50_000 + '"' + " " * 100_000,
    '"":' * 50_000,
]


def begin(line: str) -> str:
    """What a case is called."""
    return f"{line[:8]}…"


@pytest.mark.parametrize("line", LINES, ids=begin)
def test_a_line_of_many_letters_is_shown(line: str) -> None:
    assert len(shown_line(line)) == len(line)
    assert len(shown_json_line(line)) == len(line)
    assert len(shown_text(line)) <= len(line) + 3


@pytest.mark.parametrize("line", LINES, ids=begin)
@pytest.mark.parametrize("reason", ["Unterminated string", "Invalid value", "Unclosed array"])
def test_what_is_wrong_in_a_line_of_many_letters_is_explained(line: str, reason: str) -> None:
    assert explain_toml(f"[server]\nlisten = [\n{line}", 3, reason).hint
    assert explain_toml(line, 1, reason).hint
