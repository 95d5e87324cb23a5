"""What a table of cases needs: a finding's level, with what its texts must say."""

from __future__ import annotations

from resolverd.doctor.finding import Finding


def assert_finding(finding: Finding, level: str, seen: str, hint: str = "") -> None:
    """Level and texts are as said, and whatever is not ok has a hint."""
    assert finding.level == level, finding
    assert seen in finding.seen
    assert hint in finding.hint
    assert finding.hint or level == "ok"
