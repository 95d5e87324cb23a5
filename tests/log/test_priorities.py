"""Lines to the journal begin with their priority (sd-daemon(3)); lines to anything else do not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from resolverd.log.priority import is_journal, prefixed

SCRIPT = """
from resolverd import log
log.{configure}("{style}")
events = log.get("test")
events.info("ready")
events.warning("region.state", reason="no response")
events.error("service.unserved")
events.critical("engine.died")
"""


def logged(path: Path, *, configure: str, style: str, journal: bool) -> list[str]:
    """The lines of a process whose standard error is `path`, and, if so, called the journal."""
    with path.open("wb") as stderr:
        status = os.fstat(stderr.fileno())
        stream = f"{status.st_dev}:{status.st_ino + (not journal)}"
        subprocess.run(
            [sys.executable, "-c", SCRIPT.format(configure=configure, style=style)],
            stderr=stderr,
            env={**os.environ, "JOURNAL_STREAM": stream},
            check=True,
        )
    return path.read_text().splitlines()


@pytest.mark.parametrize("configure", ["configure", "in_background"])
@pytest.mark.parametrize("style", ["json", "text"])
def test_each_line_to_the_journal_has_the_priority_of_its_level(
    tmp_path: Path, configure: str, style: str
) -> None:
    lines = logged(tmp_path / "stderr", configure=configure, style=style, journal=True)
    assert [line[:3] for line in lines] == ["<6>", "<4>", "<3>", "<2>"]


@pytest.mark.parametrize("configure", ["configure", "in_background"])
def test_lines_to_another_file_have_none(tmp_path: Path, configure: str) -> None:
    lines = logged(tmp_path / "stderr", configure=configure, style="json", journal=False)
    assert [line[0] for line in lines] == ["{"] * 4


def test_a_traceback_has_its_priority_on_every_line() -> None:
    assert prefixed("it failed\n  here", "error") == "<3>it failed\n<3>  here"


@pytest.mark.parametrize("stream", [None, "", "0:0", "nonsense"])
def test_what_is_not_named_is_not_the_journal(stream: str | None) -> None:
    assert not is_journal(2, {} if stream is None else {"JOURNAL_STREAM": stream})
    assert not is_journal(-1, {"JOURNAL_STREAM": "0:0"})
