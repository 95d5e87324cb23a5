"""Third-party notices: every package of the lock file, with its licence and the text of it."""

from __future__ import annotations

import re

import pytest

from release.notices import LOCK, Notice, NoticeError, document, locked, notices

KNOWN = Notice(
    "some", "1.0", "MIT", "https://some.example", (("LICENSE", "Do ```what``` it says"),)
)


def test_every_locked_package_has_a_licence_and_its_text() -> None:
    lock = LOCK.read_text()
    found = notices(lock)
    assert [(each.name, each.version) for each in found] == [*locked(lock)]
    for each in found:
        assert each.licence, each.name
        assert each.homepage.startswith("http"), each.name
        assert any(len(text) > 100 for _, text in each.texts), each.name


def test_what_is_for_another_platform_is_left_out() -> None:
    lock = "here==1.0 \\\n    --hash=sha256:0\nthere==2.0 ; sys_platform == 'win32' \\\n"
    assert [*locked(lock)] == [("here", "1.0")]


@pytest.mark.parametrize("lock", ["not-installed==1.0", "aiohttp==0.0.1"])
def test_what_is_not_installed_as_locked_is_refused(lock: str) -> None:
    with pytest.raises(NoticeError, match=re.escape(lock.partition("=")[0])):
        notices(lock)


def test_the_page_has_the_table_the_texts_and_what_is_inside_the_wheel() -> None:
    page = document([KNOWN])
    assert "| [some](https://some.example) | 1.0 | MIT |" in page
    assert "## some 1.0\n\nLICENSE:\n\n````text\nDo ```what``` it says\n````" in page
    assert "DB-IP" in page
    assert "Rust's standard library" in page
    assert document([KNOWN]) == page
