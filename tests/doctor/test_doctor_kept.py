"""What doctor says of a restart: the files on disk, and what is kept in `server.state`."""

from __future__ import annotations

from pathlib import Path

from resolverd.doctor.kept import restart, state


def test_an_empty_option_is_advice_with_what_a_restart_forgets() -> None:
    found = state(None)
    assert (found.id, found.level) == ("state", "advice")
    assert "server.state is empty" in found.seen
    assert "overrides, spill rules" in found.seen
    assert found.hint.startswith("write in [server]: state =")


def test_a_directory_that_is_there_or_may_be_made_is_well(tmp_path: Path) -> None:
    assert state(tmp_path).level == "ok"
    assert state(tmp_path / "new").level == "ok"
    assert not (tmp_path / "new").exists(), "nothing on the host is changed"


def test_what_is_no_directory_or_cannot_be_made_is_a_warning(tmp_path: Path) -> None:
    file = tmp_path / "a file"
    file.write_text("")
    found = state(file)
    assert (found.level, found.hint) == ("warning", f"ls -ld '{file}'")
    found = state(tmp_path / "no" / "such" / "place")
    assert (found.level, "may not be made" in found.seen) == ("warning", True)


def test_a_link_that_leads_nowhere_is_a_warning(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "gone")
    assert state(link).level == "warning"


def test_a_restart_that_would_serve_other_files_is_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "resolverd.toml"
    assert restart(path, "").level == "ok"
    found = restart(path, "a restart would not come up with these files, and …")
    assert (found.level, found.hint) == ("fault", f"resolverd check --config {path}")


def test_a_restart_that_would_hold_a_part_of_good_files_is_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "resolverd.toml"
    found = restart(path, "", "a restart would hold configuration, and …")
    assert (found.level, found.hint) == ("warning", f"resolverd check --config {path}")
