"""check and reload beside a daemon that runs: what has changed, what is held, what waits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.command import resolverd
from cli.live import Live
from harness.server import HEAD


@pytest.fixture
def zone(served: Live) -> Iterator[Path]:
    """A zone file, which is as it was at the end."""
    path = served.place / "zones" / "inference.zone"
    text = path.read_text()
    yield path
    path.write_text(text)
    assert resolverd("reload", cwd=served.place).status == 0


def test_reload_tells_what_has_changed(served: Live, zone: Path) -> None:
    assert resolverd("reload", cwd=served.place).status == 0
    zone.write_text(zone.read_text() + "more 60 A 192.0.2.77\n")
    check = resolverd("check", cwd=served.place)
    assert check.status == 0
    change = "zone inference.example: serial 7 as before, 1 record added, 0 removed"
    assert change in check.out
    assert "zone-serial-unchanged" in check.err
    ran = resolverd("reload", cwd=served.place)
    assert ran.status == 0
    assert ran.out.startswith("adopted: plan ")
    assert change in ran.out
    ran = resolverd("reload", cwd=served.place)
    assert (ran.status, ran.out.startswith("nothing has changed: plan ")) == (0, True)
    assert "zone-serial-unchanged" in ran.err, "the warnings of what is served"
    document = resolverd("reload", "--json", cwd=served.place).json()
    assert (document["adopted"], document["changed"]["summary"]) == (True, [])
    assert f"plan {document['generation']}," in resolverd("state", cwd=served.place).out
    check = resolverd("check", cwd=served.place)
    assert "a reload would change nothing of plan" in check.out


def test_check_of_files_with_errors_says_what_the_daemon_would_adopt_of_them(
    served: Live, zone: Path
) -> None:
    other = zone.with_name("two.zone")
    zone.write_text(zone.read_text() + "bad 60 A 192.0.2.256\n")
    try:
        ran = resolverd("check", cwd=served.place)
        assert ran.status == 1
        assert ran.err.splitlines()[-1] == (
            "1 problem; a reload would leave zone inference.example as served, and change nothing "
            "else"
        )
        other.write_text(f"$ORIGIN two.example.\n{HEAD}")
        ran = resolverd("check", cwd=served.place)
        assert ran.status == 1
        assert ran.err.splitlines()[-1] == (
            "1 problem; a reload would leave zone inference.example as served, and adopt the rest"
        )
        assert "zone two.example added" in ran.out
        other.write_text(f"$ORIGIN two.example.\n{HEAD}bad A 192.0.2.256\n")
        ran = resolverd("check", cwd=served.place)
        assert ", not serve zone two.example, and change nothing else" in ran.err
        document = resolverd("check", "--json", cwd=served.place).json()
        assert document["served"] is False
        parts = {part["part"]: part["state"] for part in document["reload"]["outdated"]}
        assert parts == {"zone inference.example": "refused", "zone two.example": "refused"}
    finally:
        other.unlink(missing_ok=True)


def test_an_option_that_waits_for_a_restart_is_said_until_it_waits_no_more(served: Live) -> None:
    path = served.place / "resolverd.toml"
    good = path.read_text()
    edited = good.replace('listen = ["127.0.0.1:0"', 'listen = ["127.0.0.1:0", "127.0.0.2:0"')
    assert edited != good
    path.write_text(edited)
    try:
        check = resolverd("check", cwd=served.place)
        assert (check.status, "config-needs-restart" in check.err) == (0, True)
        found = resolverd("check", "--json", cwd=served.place).json()["problems"]
        assert f"good, with {len(found)} warning" in check.out
        for outcome in ("adopted: plan ", "nothing has changed: plan "):
            ran = resolverd("reload", cwd=served.place)
            assert (ran.status, ran.out.startswith(outcome)) == (0, True)
            assert "resolverd.toml:3:" in ran.err
            assert "config-needs-restart: server.listen was changed" in ran.err
        document = resolverd("reload", "--json", cwd=served.place).json()
        assert document["needs_restart"] == ["server.listen"]
        assert (
            "waiting    server.listen, until a restart" in resolverd("state", cwd=served.place).out
        )
        assert resolverd("state", "--problems", cwd=served.place).status == 0
        assert "config-needs-restart" in resolverd("check", cwd=served.place).err
    finally:
        path.write_text(good)
        document = resolverd("reload", "--json", cwd=served.place).json()
    assert document["needs_restart"] == []
    assert "until a restart" not in resolverd("state", cwd=served.place).out


def test_reload_fails_for_what_would_be_lost_and_takes_yes(served: Live, zone: Path) -> None:
    text = zone.read_text()
    names = [f"n{number} 60 A 192.0.2.77\n" for number in range(40)]
    zone.write_text(text + "".join(names))
    assert resolverd("reload", cwd=served.place).status == 0
    zone.write_text(text)
    check = resolverd("check", cwd=served.place)
    assert check.status == 0
    assert "lost-names: 40 of " in check.err
    assert "a reload would hold this until --yes" in check.out
    assert resolverd("check", "--json", cwd=served.place).json()["reload"]["outdated"]
    ran = resolverd("reload", cwd=served.place)
    assert ran.status == 1
    assert "to accept: resolverd reload --yes" in ran.err
    assert "zone inference.example: held" in resolverd("state", cwd=served.place).out
    assert resolverd("reload", "--yes", cwd=served.place).status == 0
    assert "held; " not in resolverd("state", cwd=served.place).out
