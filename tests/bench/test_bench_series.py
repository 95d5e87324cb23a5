"""Benchmarks one after another: real processes that fail, write, miss bars and say nothing."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

import bench.__main__ as program
from bench import busy, history, series
from bench.history import committed, figures_in
from bench.registry import Bench
from bench.summary import as_json, judged, lines

WRITES = """
    import json, os, pathlib, sys
    place = pathlib.Path(os.environ["BENCH_RESULTS"])
    bars = [{{"what": "start", "ratio": {ratio}, "bar": 1.0}}]
    figures = [{{"name": "start", "value": {ratio}, "unit": "s", "beside": "gdnsd",
                "ratio": {ratio}, "bar": 1.0}}]
    (place / "start.json").write_text(json.dumps({{"name": "start", "commit": "c" * 40,
        "cpu": "A", "cores": 2, "platform": "P", "figures": figures, "bars": bars}}))
    print("measured")
    sys.exit({status})
"""
FAILS = "raise SystemExit('no database')"
SILENT = "import time; print('begins', flush=True); time.sleep(0.5)"
ROW = Bench("start", "start.run", "first right answers", 60, "start")


def _of(monkeypatch: pytest.MonkeyPatch, *codes: str) -> None:
    """Have each benchmark that is run be the next of these programs."""
    programs = iter(codes)

    def command(bench: Bench, *, quick: bool) -> list[str]:
        return [sys.executable, "-c", textwrap.dedent(next(programs))]

    monkeypatch.setattr(series, "command", command)


def test_one_that_fails_does_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _of(monkeypatch, FAILS, WRITES.format(ratio=0.9, status=0), WRITES.format(ratio=1.2, status=1))
    said: list[str] = []
    ran = [*series.run_all([ROW] * 3, tmp_path, quick=False, say=said.append)]
    assert [(one.status, one.document is None) for one in ran] == [
        (1, True),
        (0, False),
        (1, False),
    ]
    found = [judged(one, "HEAD", quick=False) for one in ran]
    assert [one.word for one in found] == ["failed", "ok", "missed a bar"]
    assert program.status(found, strict=False) == 1
    assert program.status(found[1:2], strict=False) == 0
    assert said[0] == "[1 of 3] start: first right answers, about 60 s"
    assert "    no database" in said
    assert "    measured" in said


def test_an_old_result_is_not_taken_for_that_of_a_run_that_failed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "start.json").write_text("{}")
    _of(monkeypatch, FAILS)
    assert series.run_one(ROW, tmp_path, quick=True, say=lambda _: None).document is None


def test_how_long_it_has_taken_is_said_while_a_benchmark_says_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _of(monkeypatch, SILENT)
    monkeypatch.setattr(series, "SILENCE", 0.05)
    said: list[str] = []
    series.run_one(ROW, tmp_path, quick=False, say=said.append)
    later = said[said.index("    begins") + 1 :]
    assert any(re.fullmatch(r"    start: \d+ s so far", line) for line in later)


SERVES = """
    import subprocess, sys
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as server:
        try:
            print(server.pid, flush=True)
            server.wait()
        finally:
            server.kill()
            server.wait()
"""


def test_a_benchmark_that_is_ended_ends_its_servers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _of(monkeypatch, SERVES)
    pids: list[int] = []

    def say(line: str) -> None:
        if line.strip().isdigit():
            pids.append(int(line))
            raise SystemExit(143)  # what SIGTERM raises

    with pytest.raises(SystemExit):
        series.run_one(ROW, tmp_path, quick=False, say=say)
    (server,) = pids
    with pytest.raises(ProcessLookupError):
        os.kill(server, 0)


def test_what_this_host_cannot_run_is_left_out_and_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(series, "_HAVE", {"root": lambda: False, "native": lambda: True})
    bench = Bench("x", "x.run", "an experiment", 9, "start", needs=("native", "root"))
    said: list[str] = []
    (ran,) = series.run_all([bench], tmp_path, quick=False, say=said.append)
    assert ran.lacks == ("root",)
    assert said == [
        "[1 of 1] x is left out: it needs root, for network namespaces and BPF programs"
    ]
    found = judged(ran, "HEAD")
    assert found.word == "left out"
    assert program.status([found], strict=True) == 0


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose record of the starts is 0.9, and whose work tree says something else."""
    path = tmp_path / "repository" / "bench" / "results" / "start.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(_document(0.9)))
    root = path.parents[2]
    identity = ("-c", "user.name=bench", "-c", "user.email=bench@example.net")
    for words in (["init", "-q"], ["add", "."], [*identity, "commit", "-q", "-m", "record"]):
        subprocess.run(["git", *words], cwd=root, check=True)
    path.write_text(json.dumps(_document(0.1)))
    monkeypatch.setattr(history, "ROOT", root)
    monkeypatch.setattr("bench.summary.committed", lambda name, at: committed(name, at, root))
    return root


def _document(ratio: float, **more: Any) -> dict[str, Any]:
    figure = {"name": "start", "value": ratio, "unit": "s", "beside": "gdnsd", "ratio": ratio}
    machine = {"commit": "c" * 40, "cpu": "A", "cores": 2, "platform": "P"}
    return {"name": "start", **machine, "figures": [figure], **more}


def test_the_record_is_what_is_committed_whatever_a_run_has_overwritten(repository: Path) -> None:
    document = committed("start", root=repository)
    assert document is not None
    assert [figure.compared for figure in figures_in(document)] == [0.9]


@pytest.mark.parametrize(("result", "revision"), [("nothing", "HEAD"), ("start", "no-such")])
def test_there_may_be_no_record(repository: Path, result: str, revision: str) -> None:
    assert committed(result, revision, root=repository) is None


def test_without_git_or_a_repository_there_is_no_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert committed("start", root=tmp_path) is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert committed("start", root=tmp_path) is None


def test_an_older_record_has_the_figures_that_its_section_finds_or_none() -> None:
    bar = {"what": "start", "ratio": 0.8, "bar": 1.0, "database": "full", "server": "native"}
    assert [f.ratio for f in figures_in({"name": "start", "rows": [], "bars": [bar]})] == [0.8]
    assert figures_in({"name": "start", "of": "another shape"}) == []


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize(
    ("ratio", "strict", "status", "sentence"),
    [
        (0.91, True, 0, "No figure is more than 5 % worse than the record; 0 better."),
        (0.99, False, 0, "    start, beside gdnsd: 0.99, was 0.90: 10 % worse"),
        (0.99, True, 3, "1 figure is more than 5 % worse than the record; 0 better."),
        (0.45, True, 0, "    start, beside gdnsd: 0.45, was 0.90: 50 % better"),
    ],
)
def test_a_regression_is_said_and_with_strict_is_the_exit_code(
    ratio: float, strict: bool, status: int, sentence: str
) -> None:
    ran = series.Ran(ROW, 1.0, 0, _document(ratio))
    found = judged(ran, "HEAD")
    assert program.status([found], strict=strict) == status
    assert sentence in [text for text, _ in lines([found], against="HEAD", quick=False)]


@pytest.mark.usefixtures("repository")
def test_the_outcome_is_one_json_document_with_the_words() -> None:
    found = judged(series.Ran(ROW, 1.0, 0, _document(0.99)), "HEAD")
    document = json.loads(json.dumps(as_json([found], "HEAD"), allow_nan=False))
    (regression,) = document["benchmarks"]["start"]["comparison"]["regressions"]
    assert regression["words"] == "start, beside gdnsd: 0.99, was 0.90: 10 % worse"
    assert regression["worse"] == pytest.approx(0.1)


def test_colours_are_for_terminals(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["--compare", "--only", "spill"]) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_benchmarks_are_listed_with_their_time(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["--list", "--json", "--only", "tails", "xdp"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == ["tails", "xdp"]
    assert rows[0]["command"] == "python -m bench.native.tails"
    assert program.main(["--list"]) == 0
    assert "together about " in capsys.readouterr().out


def test_a_name_that_is_none_is_refused_with_those_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit, match="2"):
        program.main(["--only", "tales"])
    assert "no benchmark tales; there are: native, tails" in capsys.readouterr().err


def test_load_is_what_others_took_less_what_was_our_own(tmp_path: Path) -> None:
    (tmp_path / "pressure").mkdir()
    (tmp_path / "loadavg").write_text("3.50 1 1 1/1 1\n")
    (tmp_path / "stat").write_text("cpu  100 0 100 9000 50 0 0 20 7 7\ncpu0 1 1 1 1 1 1 1 1 1 1\n")
    (tmp_path / "pressure" / "cpu").write_text(
        "some avg10=1.0 avg60=1.0 avg300=1.0 total=2000000\nfull avg10=0.0 total=1\n"
    )
    first = busy.reading(tmp_path)
    assert (first.load_average, first.busy, first.stolen, first.waited) == (3.5, 2.0, 0.2, 2.0)
    last = first._replace(at=first.at + 10, own=first.own + 4, busy=16.0, stolen=1.2, waited=7.0)
    assert busy.between(first, last, 2) == {
        "load_average": 3.5,
        "others_cores": 1.0,
        "stolen": 0.05,
        "waited": 0.5,
        "seconds": 10.0,
    }


def test_what_a_kernel_does_not_tell_is_not_known(tmp_path: Path) -> None:
    first = busy.reading(tmp_path)
    told = busy.between(first, busy.reading(tmp_path), 2)
    assert {key for key, value in told.items() if value is None} == {
        *("load_average", "others_cores", "stolen", "waited")
    }
    assert busy.words(told, 2) == "how busy the machine was is not recorded"
