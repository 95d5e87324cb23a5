"""What on-call hears from the journal and from `systemctl status`, under a real systemd."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
from harness.config import REGIONS
from systemd.box import Box, BoxError
from systemd.service import CONFIG, Endpoint, Service, until

Entry = dict[str, Any]

# syslog(3): what the journal has as PRIORITY of an event's level.
PRIORITY = {"critical": "2", "error": "3", "warning": "4", "info": "6"}


@pytest.fixture
def dying(box: Box) -> Endpoint:
    """One region's endpoint, which a test closes."""
    return Endpoint(box)


def entries(service: Service, *options: str) -> list[Entry]:
    """What the daemon and its processes have written in this test, without systemd's own lines."""
    rows = service.journal("-o", "json", *options).splitlines()
    return [entry for entry in map(json.loads, rows) if entry["_PID"] != "1"]


def events(service: Service, *options: str) -> list[Entry]:
    """The same as events; every line is one, of the priority that its level has."""
    found = []
    for entry in entries(service, *options):
        event = json.loads(entry["MESSAGE"])  # so no <4> is left before it
        assert entry["PRIORITY"] == PRIORITY[event["level"]]
        found.append(event | {"_PID": entry["_PID"]})
    return found


def heard(service: Service, priority: str, event: str) -> list[Entry]:
    """The events of this name that `journalctl -p` of this priority shows."""
    return [line for line in events(service, "-p", priority) if line["event"] == event]


def test_a_night_is_logged_by_priority(service: Service, dying: Endpoint) -> None:
    """A killed daemon, its standby, a region's death and the last one's, with two workers."""
    service.install('workers = 2\nengine = "reference"')
    service.configure('workers = 2\nengine = "reference"', ports={"eu-west": dying.port})
    service.start()
    killed = service.pid
    service.box.run("kill", "-KILL", str(killed))
    until(lambda: service.pid not in (0, killed), "another daemon")
    until(lambda: service.show("ActiveState") == "active", "ready")
    assert service.ask()

    dying.close()
    until(lambda: bool(heard(service, "warning", "region.state")), "a region's death")
    assert [line["region"] for line in heard(service, "warning", "region.state")] == ["eu-west"]
    assert not [line for line in events(service, "-p", "warning") if line["level"] == "info"]
    assert not heard(service, "err", "service.unserved")
    until(lambda: "; down: eu-west" in f"; {service.show('StatusText')}", "the status of it")

    service.configure('workers = 2\nengine = "reference"', ports=dict.fromkeys(REGIONS, dying.port))
    until(lambda: bool(heard(service, "err", "service.unserved")), "a service without regions")
    (error,) = heard(service, "err", "service.unserved")
    assert (error["service"], set(error["regions"])) == ("chat", set(REGIONS))
    down = 'Status: "chat has no region; down: us-east, us-west, eu-west and 1 more'
    status = ("systemctl", "status", "resolverd.service")
    until(lambda: down in service.box.run(*status, check=False), "the status of it")

    standby = next(line for line in events(service) if line["event"] == "standby.answers")
    assert standby["_PID"] not in (str(killed), str(service.pid))
    (succeeded,) = [line for line in events(service) if line["event"] == "standby.succeeded"]
    assert succeeded["pid"] == standby["pid"]


def test_why_it_does_not_start_is_an_error_on_each_line(service: Service) -> None:
    service.box.run("rm", "-rf", "/var/lib/private/resolverd")  # what is kept of other tests
    service.box.write(CONFIG, "nonsense\n")
    service.systemctl("start", "--no-block", "resolverd.service")
    until(lambda: "config-syntax" in service.journal(), "the refusal in the journal")
    lines = entries(service)
    assert {line["PRIORITY"] for line in lines} == {"3"}
    assert not [line for line in lines if line["MESSAGE"].startswith("<")]
    problem = f"{CONFIG}:1:9: config-syntax: there is no = here, and no [table]"
    assert lines[0]["MESSAGE"] == problem


def test_the_report_of_a_failed_test_has_the_journal(
    service: Service, request: pytest.FixtureRequest
) -> None:
    service.box.write(CONFIG, "nonsense\n")
    service.systemctl("start", "--no-block", "resolverd.service")
    until(lambda: "config-syntax" in service.journal(), "the refusal in the journal")
    item = request.node
    for reason, shown in (("a test", ["journal of the box"]), ("", [])):
        call = pytest.CallInfo.from_call(partial(fail_of, reason), "call")
        report = item.ihook.pytest_runtest_makereport(item=item, call=call)
        journals = [section for section in report.sections if "journal" in section[0]]
        assert [title for title, _ in journals] == shown
        assert all("config-syntax" in text for _, text in journals)


def fail_of(reason: str) -> None:
    if reason:
        pytest.fail(reason)


def test_what_takes_too_long_in_a_box_is_an_error_with_what_it_said(box: Box) -> None:
    with pytest.raises(BoxError, match=r"not within 0\.5 s: begun"):
        box.run("sh", "-c", "echo begun; sleep 60", timeout=0.5)
