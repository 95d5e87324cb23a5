"""What a box's journal says of a test that has failed, for its report.

A hook for a conftest.py, which imports it by name.
"""

from __future__ import annotations

from collections.abc import Generator

import pytest
from systemd.box import Box, BoxError

_LINES = 400
_BEGUN = pytest.StashKey[float]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the journal to the report of what failed, be it a fixture or the test."""
    report = yield
    begun = item.stash.setdefault(_BEGUN, call.start)
    if report.failed:
        fixtures = getattr(item, "funcargs", {})
        for box in boxes_of(fixtures):
            report.sections.append(("journal of the box", journal_since(box, begun)))
    return report


def boxes_of(fixtures: dict[str, object]) -> list[Box]:
    """The boxes among a test's fixtures, and those that these stand in."""
    found = (getattr(made, "box", made) for made in fixtures.values())
    return list({id(made): made for made in found if isinstance(made, Box)}.values())


def journal_since(box: Box, begun: float) -> str:
    """What systemd and every unit have said since, at most the last `_LINES` lines."""
    try:
        box.run("journalctl", "--sync")
        since = f"--since=@{begun:.6f}"
        return box.run("journalctl", "-q", "-o", "short-precise", f"--lines={_LINES}", since)
    except BoxError as error:
        return f"it cannot be read: {error}"
