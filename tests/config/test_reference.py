"""The generated pages are those that are committed."""

from __future__ import annotations

from docs.generate import pages


def test_the_committed_pages_are_what_the_declarations_say() -> None:
    """Made here, and not for the names of tests: every worker would make them to collect tests."""
    made = pages()
    assert made
    assert [path for path, text in made.items() if path.read_text() != text] == [], "run: make docs"
