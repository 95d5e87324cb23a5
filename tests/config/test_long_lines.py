"""What is wrong in a line of very many letters is found as soon as in a short one.

Looking from each letter on for what could begin there takes the square of them: minutes for these.
"""

from __future__ import annotations

import pytest

from resolverd.config.secrets import shown_json_line, shown_line, shown_text
from resolverd.config.types import parse_duration

MANY = "1" * 200_000


def test_a_number_of_many_digits_is_no_duration() -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(MANY)


@pytest.mark.parametrize(
    "line",
    [
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
        '"' + '\\"' * 100_000,
        '"' + '\\"' * 50_000 + '"' + " " * 100_000,
        '"":' * 50_000,
    ],
    ids=lambda line: f"{line[:8]}…",
)
def test_a_line_of_many_letters_is_shown(line: str) -> None:
    assert len(shown_line(line)) == len(line)
    assert len(shown_json_line(line)) == len(line)
    assert len(shown_text(line)) <= len(line) + 3
