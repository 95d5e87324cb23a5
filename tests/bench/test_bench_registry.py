"""The registry names every benchmark, every result file and every part of a page, and no other."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

from bench.figures import written
from bench.registry import BENCHES, BY_NAME, BY_RESULT, NEEDS, NO_BENCHES
from bench.report import RESULTS, ROOT
from bench.sections import figures_of
from bench.series import _HAVE
from bench.write import DOCS, files, pages
from docs.parts import names

BENCH = ROOT / "bench"
MEASURED = {path.stem for path in RESULTS.glob("*.json")}


def _runnable(path: Path) -> bool:
    """Whether it defines ``main`` or does something as it is run as a program."""
    body = ast.parse(path.read_text()).body
    return any(
        (isinstance(node, ast.FunctionDef) and node.name == "main")
        or (isinstance(node, ast.If) and "__main__" in ast.unparse(node.test))
        for node in body
    )


def test_what_can_be_run_is_a_benchmark_or_named_as_none() -> None:
    found = {
        ".".join(path.relative_to(BENCH).with_suffix("").parts)
        for path in BENCH.rglob("*.py")
        if _runnable(path)
    }
    assert found == {bench.module for bench in BENCHES} | set(NO_BENCHES)
    assert not {bench.module for bench in BENCHES} & set(NO_BENCHES)


def test_each_name_and_each_result_is_of_one_benchmark() -> None:
    assert len(BY_NAME) == len(BY_RESULT) == len(BENCHES)


def test_each_committed_result_is_of_a_benchmark() -> None:
    """One that has none yet is said to be missing on its page."""
    assert set(BY_RESULT) >= MEASURED


def test_what_a_benchmark_needs_can_be_looked_for() -> None:
    assert {need for bench in BENCHES for need in bench.needs} <= set(NEEDS)
    assert set(_HAVE) == set(NEEDS)


def test_each_section_is_used() -> None:
    no_sections = {"__init__", "markdown", "bars"}
    written_ones = {path.stem for path in (BENCH / "sections").glob("*.py")} - no_sections
    assert written_ones <= {bench.section for bench in BENCHES}


@pytest.mark.parametrize("result", sorted(MEASURED))
def test_a_result_file_has_the_figures_that_its_section_makes_of_it(result: str) -> None:
    document = json.loads((RESULTS / f"{result}.json").read_text())
    figures = figures_of(document)
    assert figures, "nothing to compare runs by"
    assert document["figures"] == json.loads(json.dumps(written(figures)))
    assert len({figure.name for figure in figures}) == len(figures)


@pytest.mark.parametrize("path", sorted(DOCS.glob("*.md")), ids=lambda path: path.stem)
def test_each_part_of_a_page_is_of_a_benchmark_that_names_the_page(path: Path) -> None:
    expected = {bench.result for bench in BENCHES if path.name in bench.pages}
    assert set(names(path.read_text(), "measured")) == expected


def test_pages_say_what_the_result_files_say() -> None:
    """What is typed into a part of a page, or into figures, is refused: `python -m bench.write`."""
    for path, text in (pages() | files()).items():
        assert path.read_text() == text, f"{path}: run python -m bench.write"


def test_no_table_of_numbers_is_typed_on_the_page_of_performance() -> None:
    """Nor when something was measured: a column of numbers is made, and stands in a part."""
    page = (DOCS / "performance.md").read_text()
    typed = re.sub(r"^<!-- (\S.*): begin.*?^<!-- \1: end -->$", "", page, flags=re.M | re.S)
    assert "---:" not in typed
    assert not re.search(r"^Measured at", typed, re.M)
