"""Which files a glob means, with Python's own glob for an oracle."""

from __future__ import annotations

import glob
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resolverd.files.matching import expand, match, real_path, real_paths
from resolverd.files.reading import Reads
from resolverd.files.threads import HangingError

part = st.sampled_from(["a", "b.zone", "c.zone", ".h", ".h.zone", "[x].zone"])
trees = st.lists(st.lists(part, min_size=1, max_size=3).map("/".join), max_size=8)
patterns = st.lists(
    st.sampled_from(["*", "**", "*.zone", "a", "?.zone", "[bc]*", ".*", "b.zone"]),
    min_size=1,
    max_size=4,
).map("/".join)
# Python's glob takes a last "**" for the directory itself, too.
patterns = patterns.filter(lambda pattern: not pattern.endswith("**"))


def _expand(directory: str, pattern: str) -> list[str]:
    return expand(directory, pattern, lambda path: None).paths


@given(trees, patterns)
@settings(max_examples=300)
def test_a_pattern_means_what_the_shell_takes_it_for(tree: list[str], pattern: str) -> None:
    with TemporaryDirectory() as place:
        for path in tree:
            full = Path(place, path)
            try:
                full.parent.mkdir(parents=True, exist_ok=True)
                full.write_text("")
            except OSError:
                continue  # a file stands where a directory would be needed
        wanted = {
            str(Path(place, found))
            for found in glob.glob(pattern, root_dir=place, recursive=True)  # noqa: PTH207
        }
        found = set(_expand(place, pattern))
        assert found == wanted


@pytest.mark.parametrize("pattern", ["", ".", "/", "a\0b", "no/such/*.zone", "*/*.zone"])
def test_a_pattern_without_a_match_means_nothing(tmp_path: Path, pattern: str) -> None:
    assert _expand(str(tmp_path), pattern) == []


def test_a_directory_whose_name_is_a_pattern_is_taken_as_it_is(tmp_path: Path) -> None:
    base = tmp_path / "[ab]"
    base.mkdir()
    (base / "x.zone").write_text("")
    assert match(base, "*.zone").paths == [str(base / "x.zone")]


def test_symbolic_links_to_directories_are_followed_by_a_star(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/x.zone").write_text("")
    (tmp_path / "tenants").mkdir()
    (tmp_path / "tenants/link").symlink_to("../real")
    assert match(tmp_path, "tenants/*/*.zone").paths == [str(tmp_path / "tenants/link/x.zone")]


def test_the_directories_of_kubernetes_are_not_matched_beside_the_links_into_them(
    tmp_path: Path,
) -> None:
    data = tmp_path / "..2026_11_28"
    data.mkdir()
    (data / "x.zone").write_text("")
    (tmp_path / "..data").symlink_to(data.name)
    (tmp_path / "x.zone").symlink_to("..data/x.zone")
    assert match(tmp_path, "**/*.zone").paths == [str(tmp_path / "x.zone")]


def test_a_directory_that_cannot_be_listed_is_told_from_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    matches = match(tmp_path, "*/*.zone")
    assert matches.unlisted == {}
    if os.getuid() == 0:
        pytest.skip("root may list everything")
    (tmp_path / "open").chmod(0o300)
    assert list(match(tmp_path, "*/*.zone").unlisted) == [str(tmp_path / "open")]


@pytest.mark.parametrize("pattern", ["a/b.zone", "a/*.zone", "a/**/b.zone"])
@pytest.mark.parametrize(
    "error", [HangingError("a", "it does not answer"), PermissionError(13, "")]
)
def test_a_name_that_nobody_can_look_for_is_not_taken_for_absent(
    tmp_path: Path, pattern: str, error: OSError
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.zone").touch()

    def refused(path: str) -> None:
        raise error

    matches = expand(str(tmp_path), pattern, refused)
    assert (matches.paths, matches.unlisted) == ([], {str(tmp_path / "a"): error})


def test_what_is_listed_is_what_has_to_be_watched(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    matches = match(tmp_path, "*/*.zone")
    assert matches.directories == [str(tmp_path), str(tmp_path / "a")]


def test_a_glob_is_noted_with_what_it_matched(tmp_path: Path) -> None:
    (tmp_path / "x.zone").write_text("")
    reads = Reads()
    with reads.noted():
        match(tmp_path, "*.zone")
    assert reads.globs == {(str(tmp_path), "*.zone")}
    assert reads.matched == {str(tmp_path / "x.zone")}


def test_links_that_loop_are_their_own_name(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    assert real_path(tmp_path / "loop") == str(tmp_path / "loop")


def test_many_paths_are_resolved_as_each_is_by_itself(tmp_path: Path) -> None:
    directory = tmp_path / "real" / "deeper"
    directory.mkdir(parents=True)
    (directory / "a.zone").touch()
    for link, target in {
        "linked": "real/deeper",
        "again": "linked",
        "loop": "loop",
        "real/deeper/b.zone": "a.zone",
        "real/deeper/c.zone": "../../again/b.zone",
        "real/deeper/gone.zone": "nowhere.zone",
    }.items():
        (tmp_path / link).symlink_to(target)
    names = ["a.zone", "b.zone", "c.zone", "gone.zone", "absent.zone", "..", ".", "../x.zone"]
    above = ["real/deeper", "linked", "again", "loop", "absent", "real/../linked", "real//deeper"]
    paths = [tmp_path / directory / name for directory in above for name in names]
    paths += [Path(f"{tmp_path}/linked/../x"), Path("/etc"), Path("/"), Path("relative")]
    assert real_paths(paths) == [real_path(path) for path in paths]
