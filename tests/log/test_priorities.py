"""Lines to the journal begin with their priority (sd-daemon(3)); lines to anything else do not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from resolverd.log.priority import is_journal, prefixed, printed

SCRIPT = """
from resolverd import log
log.{configure}("{style}")
events = log.get("test")
events.info("ready")
events.warning("region.state", reason="no response")
events.error("service.unserved")
events.critical("engine.died")
"""


FAILING = """
from resolverd import log
log.in_background()
raise RuntimeError("a defect")
"""

REFUSED = """
from resolverd.cli import main
raise SystemExit(main(["serve", "--config", "{path}"]))
"""


def written(path: Path, script: str, *, journal: bool = True, status: int = 0) -> list[str]:
    """The lines of a process whose standard error is `path`, and, if so, called the journal."""
    with path.open("wb") as stderr:
        file = os.fstat(stderr.fileno())
        stream = f"{file.st_dev}:{file.st_ino + (not journal)}"
        ended = subprocess.run(
            [sys.executable, "-c", script],
            stderr=stderr,
            env={**os.environ, "JOURNAL_STREAM": stream},
            check=False,
        )
    assert ended.returncode == status
    return path.read_text().splitlines()


def logged(path: Path, *, configure: str, style: str, journal: bool) -> list[str]:
    """Those of one that logs an event of each level."""
    return written(path, SCRIPT.format(configure=configure, style=style), journal=journal)


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


def test_a_traceback_that_ends_a_daemon_is_an_error_on_every_line(tmp_path: Path) -> None:
    lines = written(tmp_path / "stderr", FAILING, status=1)
    assert lines[0] == "<3>Traceback (most recent call last):"
    assert {line[:3] for line in lines} == {"<3>"}


@pytest.mark.parametrize("journal", [True, False])
@pytest.mark.parametrize("text", ["nonsense\n", None])
def test_why_a_start_is_refused_is_an_error_on_every_line(
    tmp_path: Path, text: str | None, *, journal: bool
) -> None:
    config = tmp_path / "resolverd.toml"
    if text is not None:
        config.write_text(text)
    script = REFUSED.format(path=config)
    lines = written(tmp_path / "stderr", script, journal=journal, status=1)
    assert "resolverd.toml" in lines[0]
    assert len(lines) > 1
    assert all(line.startswith("<3>") is journal for line in lines)


@pytest.mark.parametrize("line", ["\n", "<4>a warning\n", "<3>why it cannot start\n"])
def test_a_printed_line_keeps_the_priority_that_it_has(line: str) -> None:
    assert printed(line) == line
