"""SIGTERM, SIGINT and SIGHUP at any moment of a start."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.config import REGIONS
from kept_host import HANG, Host, host


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Host]:
    """A host on which nothing has run yet."""
    with host(tmp_path) as made:
        yield made


def _ends(here: Host, number: signal.Signals) -> float:
    """The seconds that it takes to end, with status 0 and without a traceback."""
    begun = time.monotonic()
    here.running.process.send_signal(number)
    status = here.running.process.wait(30)
    took = time.monotonic() - begun
    assert status == 0, here.log()
    assert "Traceback" not in here.log()
    return took


def _begin(here: Host) -> None:
    """Start it, and return once its signals are its own: the interpreter has begun before that."""
    here.start(ready=False)
    status, bit = Path(f"/proc/{here.running.process.pid}/status"), 1 << (signal.SIGHUP - 1)

    def taken() -> bool:
        """The last of them (proc(5): SigCgt is a mask of the signals that are caught)."""
        (caught,) = (row for row in status.read_text().splitlines() if row.startswith("SigCgt:"))
        return bool(int(caught.split()[1], 16) & bit)

    here.running.until(taken)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_start_ends_at_any_moment(here: Host, number: signal.Signals) -> None:
    """From before the configuration is read to soon after it is ready."""
    for after in (0.0, 0.3, 0.7, 1.2, 2.0):
        _begin(here)
        time.sleep(after)
        _ends(here, number)


def test_a_start_ends_while_the_first_probes_hang(here: Host) -> None:
    here.regions.hanging.update(REGIONS)
    here.start(ready=False)
    here.running.until(lambda: here.running.ask("GET", "/readyz")[0] == 503)
    assert _ends(here, signal.SIGTERM) < HANG / 2, "it waits for no probe"


def test_a_start_ends_while_a_large_zone_is_read(here: Host) -> None:
    names = "".join(f"n{number} 60 A 192.0.2.1\n" for number in range(150_000))
    here.zone.write_text(here.zone.read_text() + names)
    _begin(here)
    time.sleep(1.5)
    assert not here.events("ready"), "it was to be reading still"
    assert _ends(here, signal.SIGTERM) < 4


@pytest.mark.parametrize("early", [True, False])
def test_a_hang_up_before_ready_is_one_reload_once_ready(here: Host, early: bool) -> None:
    here.regions.hanging.update(REGIONS)
    _begin(here)
    if early:
        here.running.process.send_signal(signal.SIGHUP)
    here.running.until(lambda: here.running.ask("GET", "/readyz")[0] == 503)
    for _ in range(3):
        here.running.process.send_signal(signal.SIGHUP)
    here.write(www="192.0.2.81", serial=8)
    here.regions.hanging.clear()
    here.running.until(lambda: bool(here.events("reload.adopted")))
    time.sleep(1)
    assert here.running.metric('resolverd_reloads_total{result="adopted"}'.replace("{", r"\{")) == 1
    assert here.get("/state")["zones"][0]["serial"] == 8
    _ends(here, signal.SIGTERM)
