"""Starts of real daemons over what an earlier one has kept."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cli.command import resolverd
from harness.process import NEAREST, SECOND
from kept_host import Host, address

from resolverd.kept.directory import StateDirectory
from resolverd.kept.files import MANIFEST
from resolverd.kept.keeper import NAME

ONE_REGION = '[service.chat]\nregions = ["us-east"]\n'
"""What loses most regions of the configuration that is kept."""


def _break_toml(here: Host) -> None:
    here.config.write_text(here.config.read_text().replace("[region.", "[region", 1))


def _break_zone(here: Host) -> None:
    here.zone.write_text(here.zone.read_text().replace("192.0.2.80", "192.0.2.999"))


def _unknown_key(here: Host) -> None:
    here.config.write_text(here.config.read_text().replace("settle", "setle", 1))


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _no_zones(here: Host) -> None:
    here.zone.unlink()
    here.other_zone.unlink()


REFUSED: dict[str, Callable[[Host], object]] = {
    "TOML syntax": _break_toml,
    "an unknown option": _unknown_key,
    "the configuration emptied": lambda h: h.config.write_text(""),
    "zone syntax": _break_zone,
    "a locator with a digit that is none": lambda h: h.zone.write_text(
        h.zone.read_text() + "x NID 10 0014:4fff:ff20:ee6g\n"
    ),
    "a zone emptied": lambda h: h.zone.write_text(""),
    "a FIFO for a zone": lambda h: _fifo(h.zone),
    "all zones gone": _no_zones,
    "a service without its zone's record": lambda h: h.write(services=""),
}


@pytest.mark.parametrize("spoil", REFUSED.values(), ids=REFUSED.keys())
def test_a_start_that_refuses_the_files_serves_the_kept_ones_and_says_so(
    here: Host, spoil: Callable[[Host], object]
) -> None:
    spoil(here)
    # A configuration that cannot be read to where it says server.state leaves it to systemd.
    emptied = here.config.stat().st_size == 0
    here.start(state_directory=str(here.state) if emptied else "")
    assert address(here)[0] == "192.0.2.80"
    assert here.running.answer() == NEAREST
    event = here.event("start.kept")
    assert event["level"] == "error"
    assert event["problems"]
    ready = here.get("/readyz")
    assert ready["ready"]
    assert ready["degraded"] == [event["reason"]]
    reload = here.get("/state")["reload"]
    assert (reload["kept"], reload["restart"]) == (event["reason"], event["adopted_at"])
    assert here.running.metric("resolverd_serving_kept_files") == 1
    assert here.running.metric("resolverd_last_reload_successful") == 0

    # A reload of what is still refused changes nothing of that.
    here.running.ask("POST", "/reload")
    assert here.running.metric("resolverd_serving_kept_files") == 1

    if here.zone.is_fifo():
        here.zone.unlink()
    here.write(www="192.0.2.81", serial=8)
    here.running.until(lambda: address(here)[0] == "192.0.2.81")
    here.running.until(lambda: here.running.metric("resolverd_serving_kept_files") == 0)
    here.running.until(lambda: here.get("/readyz")["degraded"] == [])
    here.running.until(lambda: here.get("/state")["reload"]["reason"] is None)
    assert here.running.stop() == 0


def test_a_start_without_its_configuration_file_serves_the_kept_one(here: Host) -> None:
    here.config.unlink()
    here.start(state_directory=str(here.state))
    assert here.running.answer() == NEAREST
    assert here.event("start.kept")


def test_one_refused_zone_is_served_as_it_was_kept_and_the_others_as_they_are(here: Host) -> None:
    here.write(www="192.0.2.81", serial=8)
    here.zone.write_text("$ORIGIN inference.example.\n@ SOA nonsense\n")
    here.start()
    assert address(here)[0] == "192.0.2.80"
    assert address(here, "www.other.example")[0] == "192.0.2.81"
    here.kill()
    # What was kept then is both, and a second start does not lose the first zone.
    here.start()
    assert address(here)[0] == "192.0.2.80"
    assert address(here, "www.other.example")[0] == "192.0.2.81"


def test_good_files_on_disk_are_served_and_not_the_kept_ones(here: Host) -> None:
    here.write(www="192.0.2.81", serial=8)
    here.start()
    assert address(here)[0] == "192.0.2.81"
    assert not here.events("start.kept")


def test_kept_files_are_for_nobody_else_to_read(here: Host) -> None:
    for path in (here.state, here.manifest.parent):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    kept = [here.state / NAME, *here.manifest.parent.iterdir()]
    assert len(kept) >= 4
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept} == {0o600}


def _no_state(here: Host) -> None:
    shutil.rmtree(here.state)
    here.state.write_text("a file")


UNUSABLE: dict[str, tuple[Callable[[Host], object], set[str]]] = {
    "damaged": (
        lambda h: ((h.state / MANIFEST).write_text("{"), (h.state / NAME).write_bytes(b"\xff")),
        {"standing.unusable", "kept.unusable"},
    ),
    "nested too deeply": (
        lambda h: (h.state / NAME).write_text("[" * 99999),
        {"standing.unusable"},
    ),
    "of another version": (
        lambda h: (h.state / NAME).write_text('{"version": 99}'),
        {"standing.unusable"},
    ),
    "of another configuration": (
        lambda h: (h.state / NAME).write_text(
            (h.state / NAME).read_text().replace("resolverd.toml", "other.toml")
        ),
        {"standing.unusable"},
    ),
    "a FIFO": (
        lambda h: _fifo(h.state / NAME),
        {"standing.unusable"},
    ),
    "no directory": (_no_state, {"state.unusable"}),
    "missing": (lambda h: shutil.rmtree(h.state), set()),
}


@pytest.mark.parametrize(("spoil", "expected"), UNUSABLE.values(), ids=UNUSABLE.keys())
def test_a_state_that_cannot_be_used_is_an_event_and_the_start_goes_on(
    here: Host, spoil: Callable[[Host], object], expected: set[str]
) -> None:
    spoil(here)
    here.start()
    assert here.running.answer() == NEAREST
    here.running.until(lambda: all(here.events(name) for name in expected))
    if "state.unusable" in expected:
        assert here.running.metric("resolverd_state_writable") == 0
        assert "nothing can be kept" in here.get("/readyz")["degraded"][0]
        here.drain()
        here.running.until(lambda: here.running.answer() == SECOND)
    assert here.running.stop() == 0
    names = {"standing.unusable", "state.unusable", "kept.unusable"}
    assert {name for name in names if here.events(name)} == expected
    assert "Traceback" not in here.log()


@pytest.fixture
def small(here: Host) -> Iterator[Host]:
    """The host with `server.state` on a file system of 64 KiB, which is full."""
    if os.geteuid():
        pytest.skip("only root mounts a file system")
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k,mode=0700", "tmpfs", str(here.state)]
    subprocess.run(mount, check=True)
    try:
        with contextlib.suppress(OSError), (here.state / "filler").open("wb", 0) as filler:
            while filler.write(b"x" * 4096):
                pass
        yield here
    finally:
        if here.running.process.poll() is None:
            here.kill()
        subprocess.run(["umount", str(here.state)], check=True)


def test_a_full_file_system_is_an_event_and_answers_and_overrides_go_on(small: Host) -> None:
    small.start()
    assert "overrides, spill rules" in small.event("state.unusable")["consequence"]
    small.drain()
    small.running.until(lambda: small.running.answer() == SECOND)
    small.running.until(lambda: bool(small.events("files.not_kept")))
    small.running.until(lambda: "No space left" in small.get("/readyz")["degraded"][0])
    (small.state / "filler").unlink()
    small.drain("2h")
    assert small.standing()["overrides"]["eu-west"]["why"] == "kernel"
    small.running.until(lambda: small.get("/readyz")["degraded"] == [])
    assert small.running.stop() == 0


def test_refused_files_with_a_damaged_manifest_end_the_start_with_the_reason(here: Host) -> None:
    here.manifest.write_text('{"version": 99}')
    _break_zone(here)
    assert here.start(ready=False).process.wait(30) == 1
    event = here.event("kept.unusable")
    assert "version" in event["reason"]
    assert "zone-bad-rdata" in here.log()
    assert "Traceback" not in here.log()


def test_refused_files_with_damaged_copies_end_the_start_with_the_reason(here: Host) -> None:
    for path in here.manifest.parent.iterdir():
        if path != here.manifest:
            path.write_bytes(b"something else")
    _break_zone(here)
    ended = here.start(ready=False).process.wait(30)
    assert ended == 1
    assert "kept.refused" in here.log()
    assert "zone-bad-rdata" in here.log()
    assert "Traceback" not in here.log()


def test_an_override_is_in_force_again_after_a_kill_at_once(here: Host) -> None:
    here.start()
    here.drain()
    before = here.get("/state")["overrides"]
    here.kill()
    here.start()
    assert here.running.answer() == SECOND
    (now,) = here.get("/state")["overrides"]
    (then,) = before
    assert {key: now[key] for key in ("target", "kind", "who", "why")} == {
        "target": "eu-west",
        "kind": "drain",
        "who": "ann",
        "why": "kernel",
    }
    assert then["seconds_left"] - 60 < now["seconds_left"] <= then["seconds_left"]
    event = here.event("override.restored")
    assert (event["target"], event["who"], event["reason"]) == ("eu-west", "ann", "kernel")


def test_an_override_that_was_cleared_or_has_ended_stays_away(here: Host) -> None:
    here.start()
    here.drain()
    assert here.running.ask("DELETE", "/override/eu-west")[0] == 200
    here.kill()
    here.start()
    assert here.running.answer() == NEAREST
    here.drain("1s")
    here.kill()
    assert "eu-west" in here.standing()["overrides"]
    subprocess.run(["sleep", "1.1"], check=True)  # the time of day is what it ends by
    here.start()
    assert here.get("/state")["overrides"] == []
    assert here.running.answer() == NEAREST


def test_check_and_doctor_say_what_a_restart_would_serve(here: Host) -> None:
    _break_zone(here)
    checked = resolverd("check", cwd=here.folder)
    assert checked.status == 1
    assert "would serve the files adopted at" in checked.err
    found = resolverd("doctor", cwd=here.folder).out
    assert "would serve the files adopted at" in found
    shutil.rmtree(here.manifest.parent)
    assert "no others are kept" in resolverd("check", cwd=here.folder).err
    found = resolverd("doctor", "--set", 'server.state=""', cwd=here.folder).out
    assert "server.state is empty" in found


def test_check_and_doctor_say_what_a_restart_would_hold(here: Host) -> None:
    assert _restart_of_doctor(here)["level"] == "ok"
    assert resolverd("check", "--json", cwd=here.folder).json()["restart"] is None
    here.write(services=ONE_REGION)
    found = _restart_of_doctor(here)
    assert found["level"] == "warning"
    assert found["seen"].startswith(
        "a restart would hold configuration, and serve what was adopted"
    )
    checked = resolverd("check", cwd=here.folder)
    assert checked.status == 0
    assert "warning: " in checked.err
    assert "lost-region" in checked.err
    assert "a restart would hold configuration" in checked.out
    said = resolverd("check", "--json", cwd=here.folder).json()["restart"]
    assert said == found["seen"]
    _break_zone(here)
    found = _restart_of_doctor(here)
    assert (found["level"], "it would hold configuration" in found["seen"]) == ("fault", True)
    here.write(services=ONE_REGION)
    here.start()
    assert here.event("start.held")["parts"] == ["configuration"]
    # And so it does again, while it serves what it holds.
    assert _restart_of_doctor(here)["level"] == "warning"


def test_what_a_restart_would_hold_cannot_be_told_where_what_is_kept_cannot_be_read(
    here: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(*_: object) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(StateDirectory, "read", closed)
    found = _restart_of_doctor(here)
    assert (found["level"], "cannot be told from here" in found["seen"]) == ("warning", True)
    _break_zone(here)
    checked = resolverd("check", cwd=here.folder)
    assert checked.status == 1
    assert "whether with those kept cannot be told from here" in checked.err
    assert "would be served" not in checked.err
    assert "could not serve" not in _restart_of_doctor(here)["seen"]


def _restart_of_doctor(here: Host) -> dict[str, str]:
    ran = resolverd("doctor", "--only", "restart", "--json", cwd=here.folder)
    (found,) = ran.json()["findings"]
    return dict(found)
