"""The unit that announces service addresses, under a real systemd, beside a real BIRD."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from systemd.box import Box, library_path
from systemd.service import CONFIG, Service, until

UNIT = "resolverd-anycast.service"
ADDRESS = "192.0.2.53"
PROGRAM = shutil.which("bird", path="/usr/sbin:/usr/bin")
CONTROL, NEIGHBOUR = "/run/bird/bird.ctl", "/run/neighbour.ctl"
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


def birdc(box: Box, control: str, *words: str) -> str:
    return box.run("birdc", "-s", control, *words, check=False)


def has_it(box: Box) -> bool:
    """Whether the neighbour has the route."""
    return f"{ADDRESS}/32" in birdc(box, NEIGHBOUR, "show", "route")


def show(box: Box, name: str) -> str:
    return box.run("systemctl", "show", "-P", name, UNIT).strip()


def test_it_is_without_a_warning_and_hardly_exposed(box: Box) -> None:
    verified = box.run("systemd-analyze", "verify", "--recursive-errors=one", "--man=no", UNIT)
    assert verified == ""
    path = f"/usr/lib/systemd/system/{UNIT}"
    output = box.run("systemd-analyze", "security", "--offline=true", "--threshold=13", path)
    assert "Overall exposure level" in output


def test_a_stop_of_the_daemon_takes_the_route_first(box: Box, announcing: Service) -> None:
    box.run("systemctl", "start", UNIT)
    until(lambda: has_it(box), "the route")
    assert f"{ADDRESS} announced" in show(box, "StatusText")
    announcing.systemctl("stop", "resolverd.service", "resolverd.socket")
    assert not has_it(box)
    assert show(box, "ActiveState") == "inactive"
    assert show(box, "Result") == "success"
    gone = show(box, "InactiveEnterTimestampMonotonic")
    stopping = announcing.show("ActiveExitTimestampMonotonic")
    assert int(gone) <= int(stopping)


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


def test_a_restart_of_the_daemon_is_one_of_its_routes(box: Box, announcing: Service) -> None:
    box.run("systemctl", "start", UNIT)
    until(lambda: has_it(box), "the route")
    before = show(box, "MainPID")
    announcing.systemctl("restart", "resolverd.service")
    until(lambda: has_it(box), "the route")
    assert show(box, "MainPID") != before
