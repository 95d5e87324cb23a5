"""The unit that announces service addresses, under a real systemd, beside a real BIRD."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from harness.nats import nats_server
from harness.nats_users import Operator
from systemd.box import ROOT, Box, library_path
from systemd.service import CONFIG, Service, until

from bench.fleet.lab.nats import configuration, jetstream

INSTALLED, NEWER = "installed", "newer"
UNIT = "resolverd-anycast.service"
STOP = "resolverd-anycast-stop.service"
PAGE = ROOT / "docs/edges.md"
ADDRESS = "192.0.2.53"
RESOLVERD = "/opt/resolverd/bin/resolverd"
PROGRAM = shutil.which("bird", path="/usr/sbin:/usr/bin")
CONTROL, NEIGHBOUR = "/run/bird/bird.ctl", "/run/neighbour.ctl"
CREDENTIALS = "/etc/resolverd/fleet.creds"
FLEET = """
[fleet]
urls = ["nats://127.0.0.1:4222"]
credentials = "fleet.creds"
"""
ANYCAST = f"""
[anycast]
addresses = ["{ADDRESS}"]
interval = "200ms"
timeout = "150ms"
fit_for = "500ms"
listen = ""
[anycast.bird]
protocols = ["anycast_v4"]
"""
# Two BIRDs of one host, that speak over loopback.
BIRD = """
router id 127.0.0.{own};
protocol device {{ }}
{static}
protocol bgp peer {{
  strict bind; multihop; passive {passive};
  local 127.0.0.{own} as 6450{own}; neighbor 127.0.0.{other} as 6450{other};
  connect delay time 1; connect retry time 1; error wait time 1, 2;
  ipv4 {{ import all; export {export}; }};
}}
"""
STATIC = f"protocol static anycast_v4 {{ disabled; ipv4; route {ADDRESS}/32 blackhole; }}"


@pytest.fixture
def box(request: pytest.FixtureRequest, box: Box) -> Box:
    """The machine's systemd, or the newer one where that is the parameter."""
    if getattr(request, "param", INSTALLED) == INSTALLED:
        return box
    return cast("Box", request.getfixturevalue("newer_box"))


@pytest.fixture
def announcing(box: Box, service: Service) -> Iterator[Service]:
    """A daemon that answers on the address, and two BIRDs; the unit is not started."""
    if PROGRAM is None:
        pytest.skip("NO ROUTE WAS ANNOUNCED UNDER SYSTEMD: no bird here: .ci/packages")
    box.run("ip", "address", "add", f"{ADDRESS}/32", "dev", "lo", check=False)
    ours = BIRD.format(
        own=1, other=2, static=STATIC, passive="no", export='where proto = "anycast_v4"'
    )
    theirs = BIRD.format(own=2, other=1, static="", passive="yes", export="none")
    box.write("/etc/bird/bird.conf", ours)
    box.write("/etc/bird/neighbour.conf", theirs)
    box.run("systemctl", "restart", "bird.service")
    box.run(
        "systemd-run", "--unit=neighbour", PROGRAM, "-f", "-c", "/etc/bird/neighbour.conf",
        "-s", NEIGHBOUR, "-P", "/run/neighbour.pid",
    )  # fmt: skip
    until(lambda: "Established" in birdc(box, CONTROL, "show", "protocols"), "a session")
    # The account of the unit may not write to the daemon's socket.
    box.run("sed", "-i", 's/^listen = ""$/listen = "127.0.0.1:9153"/', CONFIG)
    service.start()
    box.run("sh", "-c", f"cat >> {CONFIG} <<'EOF'\n{ANYCAST}\nEOF")
    if found := library_path():
        drop_in = f"[Service]\nEnvironment=LD_LIBRARY_PATH={found}\n"
        box.write(f"/etc/systemd/system/{UNIT}.d/interpreter.conf", drop_in)
        box.run("systemctl", "daemon-reload")
    yield service
    box.run("systemctl", "stop", UNIT, "bird", "neighbour", check=False)
    box.run("systemctl", "reset-failed", check=False)


@pytest.fixture
def nats(box: Box, announcing: Service) -> Iterator[Service]:
    """A NATS server that wants credentials; they are there, and closed to all but root."""
    operator = Operator()
    shutil.copy(nats_server(), box.folder / "nats-server")
    streams = jetstream(Path("/run/nats-store"))
    told = configuration("n1", "127.0.0.1:4222", streams, operator.configuration(Path("/run")))
    box.write("/etc/nats-server.conf", told)
    box.run("systemd-run", "--unit=nats", "/run/box/nats-server", "-c", "/etc/nats-server.conf")
    box.write(CREDENTIALS, operator.user().creds)
    box.run("chmod", "600", CREDENTIALS)
    yield announcing
    box.run("systemctl", "stop", UNIT, "nats", check=False)
    for unit in ("resolverd", "resolverd-anycast"):
        box.run("rm", "-f", f"/etc/systemd/system/{unit}.service.d/fleet.conf")
    box.run("groupdel", "resolverd-fleet", check=False)
    box.run("systemctl", "daemon-reload")


def birdc(box: Box, control: str, *words: str) -> str:
    return box.run("birdc", "-s", control, *words, check=False)


def has_it(box: Box) -> bool:
    """Whether the neighbour has the route."""
    return f"{ADDRESS}/32" in birdc(box, NEIGHBOUR, "show", "route")


def show(box: Box, name: str) -> str:
    return box.run("systemctl", "show", "-P", name, UNIT).strip()


def withdrawals(box: Box) -> int:
    """How often a route was withdrawn from the neighbour."""
    said = birdc(box, NEIGHBOUR, "show", "protocols", "all", "peer")
    found = re.search(r"Import withdraws:\s+(\d+)", said)
    assert found, said
    return int(found[1])


def proved_ago(box: Box) -> float:
    """For how many seconds the last look has been over; it proved the route."""
    program = ("env", f"LD_LIBRARY_PATH={library_path()}", "/opt/resolverd/bin/resolverd")
    said = box.run(*program, "anycast", "--status", "--json", "--config", CONFIG)
    return float(json.loads(said)["addresses"][0]["proved_seconds_ago"])


def replace(service: Service, how: str) -> None:
    """Have another daemon take the place of the one that runs, and wait until it is ready."""
    before = service.pid
    if how == "a crash":
        service.box.run("kill", "-KILL", str(before))
        until(lambda: service.pid not in (0, before), "another daemon")
        until(lambda: service.show("ActiveState") == "active", "it is ready")
    else:
        service.systemctl("restart", "resolverd.service")
    assert service.pid != before


def is_silent(service: Service) -> bool:
    """Whether a query is not answered."""
    try:
        service.ask(timeout=0.3)
    except (TimeoutError, ConnectionRefusedError):
        return True
    return False


@pytest.mark.parametrize(("unit", "most"), [(UNIT, 13), (STOP, 15)])
def test_it_is_without_a_warning_and_hardly_exposed(box: Box, unit: str, most: int) -> None:
    verified = box.run("systemd-analyze", "verify", "--recursive-errors=one", "--man=no", unit)
    assert verified == ""
    path = f"/usr/lib/systemd/system/{unit}"
    security = ("systemd-analyze", "security", "--offline=true", f"--threshold={most}")
    output = box.run(*security, path)
    assert "Overall exposure level" in output


@pytest.mark.parametrize(
    ("box", "before"),
    [(INSTALLED, "a start"), (INSTALLED, "a restart"), (INSTALLED, "a crash"), (NEWER, "a crash")],
    indirect=["box"],
)
def test_a_stop_of_the_daemon_takes_the_route_first(
    box: Box, announcing: Service, before: str
) -> None:
    box.run("systemctl", "start", UNIT)
    until(lambda: has_it(box), "the route")
    assert f"{ADDRESS} announced" in show(box, "StatusText")
    if before != "a start":
        replace(announcing, before)
    announcing.systemctl("stop", "resolverd.service", "resolverd.socket")
    assert not has_it(box)
    assert show(box, "ActiveState") == "inactive"
    assert show(box, "Result") == "success"
    gone = show(box, "InactiveEnterTimestampMonotonic")
    stopping = announcing.show("ActiveExitTimestampMonotonic")
    assert int(gone) <= int(stopping)


def test_a_stop_while_the_daemon_starts_takes_the_route_too(box: Box, announcing: Service) -> None:
    """Not first: what would have it so is started after the daemon."""
    box.run("systemctl", "start", UNIT)
    until(lambda: has_it(box), "the route")
    announcing.endpoint.gate.clear()
    announcing.systemctl("restart", "--no-block", "resolverd.service")
    until(lambda: announcing.show("ActiveState") == "activating", "the restart")
    assert has_it(box)
    announcing.systemctl("stop", "resolverd.service", "resolverd.socket")
    until(lambda: not has_it(box), "its withdrawal")


def test_what_a_killed_process_leaves_is_withdrawn_at_once(box: Box, announcing: Service) -> None:
    box.run("sed", "-i", 's/fit_for = "500ms"/fit_for = "2s"/', CONFIG)
    box.run("systemctl", "start", UNIT)
    until(lambda: has_it(box), "the route")
    box.run("systemctl", "kill", "--kill-whom=main", "--signal=KILL", UNIT)
    until(lambda: not has_it(box), "its withdrawal")
    until(lambda: has_it(box), "the route of the next process")


def test_a_reboot_with_a_bad_edit_announces_as_before(box: Box, announcing: Service) -> None:
    """Each account keeps what it adopted last, and may not read what the other keeps."""
    box.run("systemctl", "start", UNIT)
    until(lambda: has_it(box), "the route")
    box.run("systemctl", "stop", UNIT, "resolverd.service")
    assert not has_it(box)
    box.run("sh", "-c", f"echo ] >> {CONFIG}")
    box.run("systemctl", "start", "resolverd.service", UNIT)
    until(lambda: has_it(box), "the route")
    assert "its file was refused at its start" in show(box, "StatusText")
    box.run("systemctl", "kill", "--kill-whom=main", "--signal=KILL", UNIT)
    until(lambda: not has_it(box), "its withdrawal")
    until(lambda: has_it(box), "the route of the next process")


@pytest.mark.parametrize("box", [INSTALLED, NEWER], indirect=True)
@pytest.mark.parametrize("how", ["a restart", "a crash"])
def test_a_daemon_that_is_replaced_keeps_its_route(box: Box, announcing: Service, how: str) -> None:
    """Its standby answers meanwhile, so there is nothing that clients would have to leave."""
    box.run("systemctl", "start", UNIT)
    until(lambda: has_it(box), "the route")
    process, withdrawn = show(box, "MainPID"), withdrawals(box)
    replace(announcing, how)
    ready = time.monotonic()
    until(lambda: proved_ago(box) < time.monotonic() - ready, "a look at the new daemon")
    assert has_it(box)
    assert withdrawals(box) == withdrawn
    assert (show(box, "MainPID"), show(box, "NRestarts")) == (process, "0")


def test_a_start_of_the_daemon_announces_nothing_that_was_stopped(
    box: Box, announcing: Service
) -> None:
    box.run("systemctl", "start", UNIT)
    until(lambda: has_it(box), "the route")
    box.run("systemctl", "stop", UNIT)
    assert not has_it(box)
    for how in ("a restart", "a crash"):
        replace(announcing, how)
        assert show(box, "ActiveState") == "inactive"


def test_both_accounts_read_the_credentials_as_the_page_has_it(box: Box, nats: Service) -> None:
    """And so does what withdraws after a death, to which systemd 252 gives no LoadCredential=."""
    box.run("sh", "-c", f"cat >> {CONFIG} <<'EOF'\n{FLEET}\nEOF")
    box.run("sh", "-ec", shell_of((ROOT / "docs/fleet.md").read_text(), "Files that are closed"))
    box.run("systemctl", "start", UNIT)
    until(lambda: json.loads(asked(box, "state", "--json"))["fleet"]["quorum"], "a quorum")
    until(lambda: has_it(box), "the route")
    assert "the fleet keeps at least 1" in asked(box, "anycast", "--drain")
    before = show(box, "MainPID")
    box.run("systemctl", "kill", "--kill-whom=main", "--signal=KILL", UNIT)
    until(lambda: show(box, "MainPID") not in ("0", before), "another process")
    told = box.run("journalctl", "-q", "-o", "cat", "-u", UNIT, f"--since=@{nats.since:.6f}")
    assert "anycast.inherited" in told
    assert "permission denied" not in told


def shell_of(page: str, title: str) -> str:
    """The commands below a title of a page."""
    block = rf"^#+ {re.escape(title)}\n.*?^```sh\n(.*?)^```"
    found = re.search(block, page, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[1]


def asked(box: Box, *words: str) -> str:
    """What a verb prints, whether it succeeds or not."""
    command = ("env", f"LD_LIBRARY_PATH={library_path()}", RESOLVERD, *words)
    return box.run(*command, "--config", CONFIG, check=False)


def test_a_host_is_taken_out_and_brought_back_as_the_page_says(
    box: Box, announcing: Service
) -> None:
    section = PAGE.read_text().split("## Taking an edge host out of service")[1].split("\n## ")[0]
    stop, start, announce = re.findall(r"`(systemctl (?:stop|start) [^`]+)`", section)
    box.run("systemctl", "start", UNIT)
    until(lambda: has_it(box), "the route")
    box.run(*stop.split())
    assert not has_it(box)
    until(lambda: is_silent(announcing), "the end of the standby")
    assert announcing.show("ActiveState") == "inactive", "no query has started it"
    box.run(*start.split())
    announcing.ask()
    assert not has_it(box)
    box.run(*announce.split())
    until(lambda: has_it(box), "the route")


def test_a_stop_after_an_upgrade_from_the_unit_before_takes_the_route_first(
    box: Box, announcing: Service
) -> None:
    """That one was PartOf= the daemon, and had nothing beside it."""
    unit = (ROOT / "systemd" / UNIT).read_text()
    before = f"/etc/systemd/system/{UNIT}"
    box.write(before, unit.replace(f"Wants={STOP}", "PartOf=resolverd.service"))
    try:
        box.run("systemctl", "daemon-reload")
        box.run("systemctl", "start", UNIT)
        assert box.run("systemctl", "is-active", STOP, check=False).strip() == "inactive"
        until(lambda: has_it(box), "the route")
    finally:
        box.run("rm", before)
    page = (ROOT / "docs/upgrade.md").read_text()
    block = shell_of(page, "Restart, upgrade and roll back without losing a query")
    withdrawn = withdrawals(box)
    box.run("sh", "-ec", "\n".join(re.findall(r"^systemctl .*", block, re.MULTILINE)))
    assert withdrawals(box) == withdrawn
    announcing.systemctl("stop", "resolverd.service", "resolverd.socket")
    assert not has_it(box)


def test_it_reads_the_same_file_of_the_host_as_the_daemon(box: Box, announcing: Service) -> None:
    box.write("/etc/resolverd/edge.env", "OPTIONS=--set fleet.edge=fra1\n")
    try:
        box.run("systemctl", "start", UNIT)
        until(lambda: has_it(box), "the route")
        given = box.run("cat", f"/proc/{show(box, 'MainPID')}/cmdline").split("\0")
        box.run("systemctl", "stop", UNIT)
    finally:
        box.run("rm", "/etc/resolverd/edge.env")
    assert "fleet.edge=fra1" in given
