"""Files in `server.state` are replaced whole, whatever step fails."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from resolverd.files.reading import digest_of
from resolverd.kept.directory import NOT_SET, StateDirectory
from resolverd.kept.files import FOLDER, Adopted, KeptFiles, UnusableError

CONFIG = Path("/etc/resolverd/resolverd.toml")


class StoppedError(BaseException):
    """The process is gone: nothing tidies up after this."""


def _adopted(text: str) -> Adopted:
    zone = "/etc/resolverd/a.zone"
    contents = {str(CONFIG): f"config {text}".encode(), zone: f"zone {text}".encode()}
    return Adopted(contents, {zone: [zone]}, {("/etc/resolverd", "*.zone"): [zone]}, {})


def _contents(kept: KeptFiles) -> dict[str, bytes]:
    """What a start would read, every digest right."""
    manifest = kept.manifest()
    assert manifest is not None
    *_, (_files, replay) = kept.replays(manifest, ())
    return {path: read() for path, read in replay.contents.items()}


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), StoppedError()])
@pytest.mark.parametrize("call", ["open", "fsync", "replace", "unlink"])
@pytest.mark.parametrize("which", range(6))
def test_a_save_that_stops_at_any_step_leaves_the_old_or_the_new(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
    which: int,
    error: BaseException,
) -> None:
    kept = KeptFiles(StateDirectory(tmp_path), CONFIG)
    kept.save(_adopted("old"))
    with monkeypatch.context() as patched:
        real, met = getattr(os, call), [0]

        def failing(path: Any, *rest: Any, **named: Any) -> Any:
            own = call == "fsync" or str(path).startswith(str(tmp_path))
            met[0] += own
            if own and met[0] > which:  # once stopped, nothing else is done either
                raise error
            return real(path, *rest, **named)

        patched.setattr(os, call, failing)
        with contextlib.suppress(OSError, StoppedError):
            kept.save(_adopted("new"))
    assert met[0], "nothing was met"
    again = KeptFiles(StateDirectory(tmp_path), CONFIG)
    assert _contents(again) in (dict(_adopted("old").contents), dict(_adopted("new").contents))
    again.save(_adopted("newer"))
    assert _contents(again) == _adopted("newer").contents
    left = {path.name for path in (tmp_path / FOLDER).iterdir()}
    digests = {digest_of(content) for content in _adopted("newer").contents.values()}
    assert left == {"manifest.json", *digests}, "nothing is left of what was stopped"


def test_a_database_that_was_refused_before_any_was_kept_is_not_kept(tmp_path: Path) -> None:
    """What is served of it was adopted, and lies nowhere but in memory."""
    refused, adopted = tmp_path / "refused.mmdb", tmp_path / "adopted.mmdb"
    refused.write_bytes(b"refused")
    adopted.write_bytes(b"adopted")
    databases = {str(path): digest_of(path.read_bytes()) for path in (refused, adopted)}
    kept = KeptFiles(StateDirectory(tmp_path / "state"), CONFIG)
    held = _adopted("old")._replace(databases=databases, held=[str(refused)])
    assert kept.save(held) is not None
    manifest = kept.manifest()
    assert manifest is not None
    assert manifest.databases == {str(adopted): digest_of(b"adopted")}
    assert kept.save(held._replace(held=[])) is not None
    manifest = kept.manifest()
    assert manifest is not None
    assert manifest.databases == databases


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"version": 1}', "\ud800"])
def test_a_damaged_manifest_is_unusable_and_replaced(tmp_path: Path, text: str) -> None:
    kept = KeptFiles(StateDirectory(tmp_path), CONFIG)
    kept.save(_adopted("old"))
    (tmp_path / FOLDER / "manifest.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(UnusableError):
        kept.manifest()
    kept.save(_adopted("old"))
    assert _contents(kept) == _adopted("old").contents


def test_what_another_configuration_adopted_is_not_used(tmp_path: Path) -> None:
    KeptFiles(StateDirectory(tmp_path), CONFIG).save(_adopted("old"))
    with pytest.raises(UnusableError, match="another configuration"):
        KeptFiles(StateDirectory(tmp_path), Path("/etc/other.toml")).manifest()


def test_a_damaged_copy_is_an_error_of_reading_and_saved_again(tmp_path: Path) -> None:
    kept = KeptFiles(StateDirectory(tmp_path), CONFIG)
    kept.save(_adopted("old"))
    (tmp_path / FOLDER / digest_of(b"zone old")).write_text("zone odd")
    with pytest.raises(OSError, match="damaged"):
        _contents(kept)


def test_files_are_for_their_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        directory = StateDirectory(tmp_path / "deep" / "state")
        directory.write("adopted/one", b"secret")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "deep/state/adopted/one").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "deep/state/adopted").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "deep/state").stat().st_mode) == 0o700


def test_a_link_in_the_place_of_a_new_file_is_not_followed(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("untouched")
    (tmp_path / ".one.new").symlink_to(other)
    StateDirectory(tmp_path).write("one", b"new")
    assert (other.read_text(), (tmp_path / "one").read_bytes()) == ("untouched", b"new")


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB, in which 16 are left."""
    folder = tmp_path / "small"
    folder.mkdir()
    if os.geteuid() or not shutil.which("mount"):
        pytest.skip("only root mounts a file system")
    _run("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder))
    try:
        (folder / "filler").write_bytes(b"x" * (48 << 10))
        yield folder
    finally:
        _run("umount", str(folder))


def test_a_full_file_system_leaves_what_was_kept_and_says_so(full: Path) -> None:
    directory = StateDirectory(full)
    directory.write("one", b"old")
    with pytest.raises(OSError, match="No space"):
        directory.write("one", b"x" * (64 << 10))
    assert directory.read("one") == b"old"
    assert "No space left" in directory.trouble
    assert not list(full.glob(".*.new"))
    assert directory.try_out() == ""


def test_an_empty_option_keeps_nothing_and_is_no_error() -> None:
    directory = StateDirectory(None)
    assert directory.try_out() == NOT_SET
    directory.write("one", b"")
    with pytest.raises(FileNotFoundError):
        directory.read("one")
    assert KeptFiles(directory, CONFIG).save(_adopted("old")) is None


def _run(*command: str) -> Sequence[str]:
    subprocess.run(command, check=True)
    return command
