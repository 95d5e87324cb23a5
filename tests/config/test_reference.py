"""The generated pages are those that are committed."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs.generate import pages


@pytest.mark.parametrize(("path", "text"), pages().items(), ids=lambda value: Path(value).name[:20])
def test_the_committed_page_is_what_the_declarations_say(path: Path, text: str) -> None:
    assert path.read_text() == text, "run: make docs"
