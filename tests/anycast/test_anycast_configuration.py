"""What `resolverd anycast` starts with where its file is refused: what was adopted last, or not."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from resolverd.anycast.configuration import FILE, Started, keep, load
from resolverd.errors import ConfigError
from resolverd.files.reading import key_of
from resolverd.kept.directory import StateDirectory
from resolverd.kept.files import Adopted, KeptFiles

GOOD = """\
[server]
listen = ["0.0.0.0:53"]
coordinates = [50.1, 8.7]
[admin]
listen = "127.0.0.1:9153"
[anycast]
addresses = ["{address}"]
state = "state"
[anycast.bird]
protocols = ["anycast_v4"]
"""
OURS, DAEMONS = "192.0.2.53", "192.0.2.54"
REFUSED = {
    "syntax": lambda text: f"{text}\n]\n",
    "unknown-option": lambda text: f"{text}\ncolour = 1\n",
    "value": lambda text: text.replace('["anycast_v4"]', '["anycast v4"]'),
    "cut-off": lambda text: text[: text.index("[admin]") + 3],
    "emptied": lambda _: "",
}


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    with capture_logs() as events:
        yield events


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "resolverd.toml"
    path.write_text(GOOD.format(address=OURS))
    return path


def begun(file: Path, *options: tuple[str, Any]) -> Started:
    """A start, as the verb makes it."""
    started = load(file, options)
    keep(started, file, options)
    return started


def addresses(started: Started) -> tuple[str, ...]:
    return started.loaded.config.anycast.addresses


def names(logged: list[Any]) -> list[str]:
    return [event["event"] for event in logged]


# Where the mistake keeps the file from saying where the state is, systemd and --set do.
STATE = ("anycast.state", "state")


@pytest.mark.parametrize("refused", REFUSED.values(), ids=REFUSED)
def test_a_refused_file_is_started_without(refused: Any, file: Path, logged: list[Any]) -> None:
    begun(file)
    sound = file.read_text()
    file.write_text(refused(sound))
    started = begun(file, STATE)
    assert addresses(started) == (OURS,)
    assert started.kept is not None
    (said,) = logged
    assert (said["event"], said["files"]) == ("start.kept", [str(file)])
    assert said["problems"] == str(started.kept.refused).splitlines()
    file.write_text(sound)
    assert begun(file).kept is None


def test_a_file_that_is_gone_is_started_without(file: Path) -> None:
    begun(file)
    file.unlink()
    assert addresses(begun(file, STATE)) == (OURS,)


def test_systemd_says_where_it_is_kept(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(file.parent / "systemd"))
    file.write_text(file.read_text().replace('state = "state"\n', ""))
    begun(file)
    assert (file.parent / "systemd" / FILE).exists()
    file.write_text("]")
    assert addresses(begun(file)) == (OURS,)


def test_a_start_with_what_is_kept_keeps_nothing_of_the_refused_file(file: Path) -> None:
    begun(file)
    kept = (file.parent / "state" / FILE).read_bytes()
    file.write_text("]")
    begun(file, STATE)
    assert (file.parent / "state" / FILE).read_bytes() == kept


def test_only_its_own_account_reads_what_is_kept(file: Path) -> None:
    """It may hold a password of the fleet."""
    begun(file)
    place = file.parent / "state"
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert stat.S_IMODE((place / FILE).stat().st_mode) == 0o600


def test_a_later_start_keeps_what_it_adopts(file: Path) -> None:
    begun(file)
    file.write_text(GOOD.format(address=DAEMONS))
    begun(file)
    file.write_text("]")
    assert addresses(begun(file, STATE)) == (DAEMONS,)


@pytest.mark.parametrize("state", [(), (STATE,)], ids=["nowhere", "nothing"])
def test_without_anything_kept_the_refused_file_ends_the_start(
    state: tuple[tuple[str, Any], ...], file: Path
) -> None:
    file.write_text("[server]\ncoordinates = [50.1, 8.7\n")
    with pytest.raises(ConfigError) as error:
        begun(file, *state)
    assert {problem.file for problem in error.value.problems} == {str(file)}


@pytest.mark.parametrize(
    "damaged",
    [
        "no JSON",
        "[]",
        "{}",
        '{"version": 2, "config": "%s", "at": 1.0, "text": ""}',
        '{"version": 1, "config": "/another.toml", "at": 1.0, "text": ""}',
        '{"version": 1, "config": "%s", "at": null, "text": ""}',
    ],
)
def test_what_is_not_understood_is_said_and_not_used(
    damaged: str, file: Path, logged: list[Any]
) -> None:
    begun(file)
    (file.parent / "state" / FILE).write_text(damaged.replace("%s", key_of(file)))
    file.write_text("]")
    with pytest.raises(ConfigError):
        load(file, [STATE])
    assert names(logged) == ["kept.unusable"]


def test_what_is_kept_is_checked_anew(file: Path, logged: list[Any]) -> None:
    """An upgrade may know an option no longer."""
    begun(file)
    place = file.parent / "state" / FILE
    tree = json.loads(place.read_text())
    place.write_text(json.dumps(tree | {"text": GOOD.format(address="nowhere")}))
    file.write_text("]")
    with pytest.raises(ConfigError) as error:
        load(file, [STATE])
    assert {problem.id for problem in error.value.problems} == {"config-syntax"}
    assert names(logged) == ["kept.refused"]


def test_what_cannot_be_kept_is_said_and_ends_nothing(file: Path, logged: list[Any]) -> None:
    (file.parent / "state").write_text("no directory")
    assert addresses(begun(file)) == (OURS,)
    assert names(logged) == ["files.not_kept"]


def kept_by_daemon(file: Path, text: str) -> None:
    """What the daemon has adopted, kept in its own `server.state`."""
    contents = {key_of(file): text.encode()}
    KeptFiles(StateDirectory(file.parent / "daemon"), file).save(Adopted(contents, {}, {}, {}))


def test_what_the_daemon_starts_from_goes_before_its_own(file: Path) -> None:
    """The daemon adopts edits while it runs, and starts from these."""
    begun(file)
    kept_by_daemon(file, GOOD.format(address=DAEMONS))
    file.write_text('[server]\nstate = "daemon"\n]')
    assert addresses(begun(file, STATE)) == (DAEMONS,)


def test_its_own_serves_where_the_daemons_does_not(file: Path, logged: list[Any]) -> None:
    begun(file)
    kept_by_daemon(file, GOOD.format(address="nowhere"))
    file.write_text('[server]\nstate = "daemon"\n]')
    assert addresses(begun(file, STATE)) == (OURS,)
    assert names(logged) == ["kept.refused", "start.kept"]
