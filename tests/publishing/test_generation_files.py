"""Generations on an edge's disk: whole, switched at once, and the last good one after a crash."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from resolverd.publishing.disk import GenerationFiles, OnDisk, Tried
from resolverd.publishing.packing import digest_of_set

ONE = {"resolverd.toml": b'[server]\nzones = ["z/*.zone"]\n', "z/a.zone": b"one"}
TWO = {**ONE, "z/a.zone": b"two", "resolverd.d/pins.toml": b"", "z/b.zone": b""}


@pytest.fixture
def files(tmp_path: Path) -> GenerationFiles:
    return GenerationFiles(tmp_path)


def written(files: GenerationFiles, number: int, content: dict[str, bytes]) -> OnDisk:
    return files.write(number, digest_of_set(content), content)


def test_nothing_is_served_before_anything_was_written(files: GenerationFiles) -> None:
    assert files.current() is None
    assert files.recover() is None


def test_the_current_set_is_the_one_switched_to(files: GenerationFiles) -> None:
    one, two = written(files, 1, ONE), written(files, 2, TWO)
    files.switch(one)
    assert files.current() == one
    files.switch(two)
    assert files.current() == two
    assert (files.current_path / "z/a.zone").read_bytes() == b"two"
    assert files.contents(two) == TWO


def test_a_set_is_found_again_where_every_octet_is_right(files: GenerationFiles) -> None:
    one = written(files, 1, ONE)
    assert files.find(1, one.digest) == one
    (files.folder / one.name / "z/a.zone").write_bytes(b"changed by hand")
    assert files.find(1, one.digest) is None
    assert files.find(2, one.digest) is None


def test_a_set_that_is_written_again_replaces_what_was_damaged(files: GenerationFiles) -> None:
    one = written(files, 1, ONE)
    (files.folder / one.name / "more").write_bytes(b"")
    assert files.find(1, one.digest) is None
    assert written(files, 1, ONE) == files.find(1, one.digest)


def test_a_trial_that_did_not_end_by_a_stop_goes_back_to_the_last_good(
    files: GenerationFiles,
) -> None:
    one, two, three = (written(files, n, c) for n, c in ((1, ONE), (2, TWO), (3, ONE)))
    files.switch(one)
    files.begin_trial(Tried(2, two.digest))
    files.switch(two)
    files.begin_trial(Tried(3, three.digest))
    files.switch(three)
    assert files.recover() == (3, three.digest)
    assert files.current() == one
    assert files.recover() is None


def test_a_trial_that_ended_is_no_trial(files: GenerationFiles) -> None:
    one, two = written(files, 1, ONE), written(files, 2, TWO)
    files.switch(one)
    files.begin_trial(Tried(2, two.digest))
    files.switch(two)
    files.end_trial()
    assert files.recover() is None
    assert files.current() == two


def test_a_note_that_cannot_be_read_leaves_the_current_set(files: GenerationFiles) -> None:
    one = written(files, 1, ONE)
    files.switch(one)
    (files.folder / "trial.json").write_text("{")
    files.recover()
    assert files.current() == one


def test_old_sets_are_removed_but_for_the_current_one(files: GenerationFiles) -> None:
    sets = [written(files, number, ONE) for number in (1, 2, 9, 10, 11)]
    files.switch(sets[0])
    (files.folder / ".new-12-abc").mkdir()
    files.tidy()
    left = sorted(path.name for path in files.folder.iterdir())
    assert left == sorted([sets[0].name, sets[3].name, sets[4].name, "current"])


def test_a_disk_without_room_leaves_everything_as_it_was(
    files: GenerationFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = written(files, 1, ONE)
    files.switch(one)
    monkeypatch.setattr(os, "fsync", _full)
    with pytest.raises(OSError, match="No space"):
        written(files, 2, TWO)
    monkeypatch.undo()
    assert files.current() == one
    assert sorted(path.name for path in files.folder.iterdir()) == sorted([one.name, "current"])


def _full(_descriptor: int) -> None:
    raise OSError(28, os.strerror(28))


def test_a_replay_shows_the_set_as_if_it_were_the_current_one(
    files: GenerationFiles, tmp_path: Path
) -> None:
    one, two = written(files, 1, ONE), written(files, 2, TWO)
    files.switch(one)
    replay = files.replay(two, tmp_path)
    current = files.current_path
    assert replay.contents[str(current / "z/a.zone")]() == b"two"
    assert json.loads(replay.contents[str(current / "generation.json")]())["number"] == 2
    assert replay.globs[(str(tmp_path), f"{current}/z/*.zone")] == [
        str(current / "z/a.zone"),
        str(current / "z/b.zone"),
    ]
    assert replay.globs[(str(current / "resolverd.d"), "*.toml")] == [
        str(current / "resolverd.d/pins.toml")
    ]
    assert replay.globs[(str(current / "resolverd.d"), "*.json")] == []
