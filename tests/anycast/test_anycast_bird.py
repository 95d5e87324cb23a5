"""BIRD, as docs/anycast.md sets it up: announced, withdrawn, killed, drained and contradicted."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from anycast.lab import TIMEOUT, V4, V6, EdgePlace, Lab, end, example, lab, needs_bird, until

pytestmark = needs_bird

BIRD = "# /etc/bird/bird.conf: one router, 198.51.100.1 and 2001:db8:1::1"
PLAIN = """[anycast]
addresses = ["192.0.2.53", "2001:db8::53"]
via = "bird"

[anycast.bird]
"""


def plain() -> str:
    """The first example of the page, for BIRD."""
    from anycast.lab import PAGE

    text = PAGE.read_text()
    begin = text.index(PLAIN)
    return text[begin : text.index("```", begin)]


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab(tmp_path_factory.mktemp("lab")) as made:
        edge = made.edges[1]
        edge.configure(plain())
        edge.bird(edge.adapted(example(BIRD)))
        edge.serve()
        yield made


@pytest.fixture
def edge(one: Lab) -> Iterator[EdgePlace]:
    """The edge with a daemon that answers, its last process, and nothing announced.

    It is put back afterwards.
    """
    edge = one.edges[1]
    if edge.processes[-1].poll() is not None:  # a test has ended the daemon
        del edge.processes[-1]
        edge.serve()
    before = len(edge.processes)
    (edge.folder / "anycast.log").write_bytes(b"")
    try:
        yield edge
    finally:
        for process in reversed(edge.processes[before:]):
            if process.poll() is None:
                process.kill()
            process.wait()
        del edge.processes[before:]
    for name in ("anycast_v4", "anycast_v6"):
        edge.birdc("disable", name)
    until(lambda: not one.has(V4) and not one.has(V6), "the router has no route left")


def announced(one: Lab) -> bool:
    return one.has(V4) and one.has(V6)


def gone(one: Lab) -> bool:
    return not one.has(V4) and not one.has(V6)


def test_it_is_announced_once_it_answers_and_is_proved(one: Lab, edge: EdgePlace) -> None:
    edge.announce()
    until(lambda: announced(one), "the router has both routes")
    assert one.router.asked(V4)
    assert one.router.asked(V6)
    until(lambda: edge.states() == {V4: "announced", V6: "announced"}, "it says so")


def test_a_stop_withdraws_first(one: Lab, edge: EdgePlace) -> None:
    process = edge.announce()
    until(lambda: announced(one), "the router has both routes")
    assert end(process) == 0
    assert gone(one)
    assert edge.events("anycast.ebbed")


def test_a_daemon_that_is_killed_is_withdrawn(one: Lab, edge: EdgePlace) -> None:
    daemon = edge.processes[-1]
    edge.announce()
    until(lambda: announced(one), "the router has both routes")
    end(daemon, signal.SIGKILL)
    until(lambda: gone(one), "the routes are withdrawn")
    # Whichever is noticed first: that the daemon is silent, or that nobody answers.
    until(lambda: "answer" in _reasons(edge), "it says so")


def _reasons(edge: EdgePlace) -> list[str]:
    """The codes of what is against announcing the first address."""
    return [reason["code"] for reason in edge.state()["addresses"][0]["reasons"]]


def test_a_stop_that_bird_does_not_answer_is_no_success(one: Lab, edge: EdgePlace) -> None:
    """Else systemd's ExecStopPost= would leave the routes where they are."""
    process = edge.announce()
    until(lambda: announced(one), "the router has both routes")
    bird = next(p for p in edge.processes if "bird" in p.args)  # type: ignore[operator]
    bird.send_signal(signal.SIGSTOP)
    try:
        assert end(process) == 3
    finally:
        bird.send_signal(signal.SIGCONT)
    edge.run(*edge.command("--withdraw"))
    until(lambda: gone(one), "the routes are withdrawn")


def test_a_drain_that_bird_does_not_answer_is_refused(one: Lab, edge: EdgePlace) -> None:
    """After some three times `bird.timeout`, and it is not in force."""
    edge.announce(**{"bird.timeout": '"1s"'})
    until(lambda: announced(one), "the router has both routes")
    bird = next(p for p in edge.processes if "bird" in p.args)  # type: ignore[operator]
    bird.send_signal(signal.SIGSTOP)
    try:
        asked = edge.start("drain.log", *edge.command("--drain"))
        assert asked.wait(TIMEOUT) == 3
    finally:
        bird.send_signal(signal.SIGCONT)
    assert "BIRD gave no whole reply" in edge.text("drain.log")
    assert edge.state()["drained"] is None
    until(lambda: edge.states() == {V4: "announced", V6: "announced"}, "it is proved again")
    until(lambda: announced(one), "the router has both routes")


def test_what_a_killed_process_leaves_is_withdrawn_by_execstoppost(
    one: Lab, edge: EdgePlace
) -> None:
    process = edge.announce()
    until(lambda: announced(one), "the router has both routes")
    end(process, signal.SIGKILL)
    assert announced(one)  # the trap: nobody looks after them
    edge.run(*edge.command("--withdraw"))
    until(lambda: gone(one), "the routes are withdrawn")


def test_what_a_killed_process_leaves_is_withdrawn_first_by_the_next(
    one: Lab, edge: EdgePlace
) -> None:
    process = edge.announce()
    until(lambda: announced(one), "the router has both routes")
    end(process, signal.SIGKILL)
    edge.announce(fit_for='"1h"', fit_for_most='"1h"')
    until(lambda: gone(one), "the routes are withdrawn")
    assert [event["address"] for event in edge.events("anycast.inherited")] == [V4, V6]


def test_a_drain_holds_over_a_restart(one: Lab, edge: EdgePlace, tmp_path: Path) -> None:
    state = f'"{tmp_path}"'
    process = edge.announce(state=state)
    until(lambda: announced(one), "the router has both routes")
    done = edge.told("--drain", "--why", "new line card")
    assert done["kept_over_restarts"]
    assert done["withdrawn"] == [V4, V6]
    assert gone(one)
    end(process)
    edge.announce(state=state)
    until(lambda: edge.state()["drained"], "it runs again")
    assert edge.told("--status")["drained"]["why"] == "new line card"
    assert gone(one)
    edge.told("--undrain")
    until(lambda: announced(one), "the router has both routes again")


def test_a_drain_that_nothing_remembers_says_that_a_restart_ends_it(
    one: Lab, edge: EdgePlace
) -> None:
    edge.announce()
    until(lambda: announced(one), "the router has both routes")
    said = edge.run(*edge.command("--drain", "--why", "new line card"))
    assert said == "withdrawn until the running process ends\n"
    assert not edge.told("--drain", "--why", "new line card")["kept_over_restarts"]


@pytest.mark.parametrize("mistake", ["[nonsense]\n", "]", "[region.eu-west]\nhostname = 3\n"])
def test_a_mistake_in_the_files_keeps_nobody_from_a_drain(
    one: Lab, edge: EdgePlace, mistake: str
) -> None:
    config = edge.folder / "resolverd.toml"
    good = config.read_text()
    edge.announce()
    until(lambda: announced(one), "the router has both routes")
    config.write_text(good + mistake)
    try:
        said = edge.run(*edge.command("--json", "--drain"), check=False)
        assert json.loads(said)["withdrawn"] == [V4, V6]
        assert gone(one)
    finally:
        config.write_text(good)


def test_a_start_with_a_file_that_is_refused_is_one_with_what_was_adopted(
    one: Lab, edge: EdgePlace, tmp_path: Path
) -> None:
    """As the daemon does; a host that is restarted with a bad edit would announce nothing."""
    config, state = edge.folder / "resolverd.toml", f'"{tmp_path}"'
    good = config.read_text()
    before = edge.announce(state=state)
    until(lambda: edge.events("anycast.started"), "it has started")
    end(before)
    config.write_text(f"{good}]\n")
    try:
        process = edge.announce(state=state)
        until(lambda: announced(one), "the router has both routes")
        assert "resolverd.toml" in edge.told("--status")["kept"]["problems"][0]
        (said,) = edge.events("start.kept")
        assert said["files"] == [str(config)]
        # What systemd runs after it was killed is started so as well.
        end(process, signal.SIGKILL)
        edge.run(*edge.command("--withdraw", state=state))
        until(lambda: gone(one), "the routes are withdrawn")
    finally:
        config.write_text(good)


@pytest.mark.parametrize("command", [("disable", "anycast_v4"), ("configure",)])
def test_what_others_do_to_bird_is_put_right(
    one: Lab, edge: EdgePlace, command: tuple[str, ...]
) -> None:
    """`configure` takes the protocols back to `disabled`, as the file has them."""
    edge.announce()
    until(lambda: announced(one), "the router has both routes")
    edge.birdc(*command)
    until(lambda: edge.events("anycast.contradicted"), "it has seen that")
    until(lambda: announced(one), "the router has both routes again")


def test_bird_that_is_gone_is_said_and_healed(one: Lab, edge: EdgePlace) -> None:
    edge.announce()
    until(lambda: announced(one), "the router has both routes")
    bird = next(p for p in edge.processes if "bird" in p.args)  # type: ignore[operator]
    end(bird, signal.SIGKILL)
    until(lambda: edge.events("anycast.unproved"), "it says so")
    until(lambda: gone(one), "BFD has noticed")
    edge.processes.remove(bird)
    fresh = edge.bird((edge.folder / "bird.conf").read_text())
    edge.processes.remove(fresh)
    edge.processes.insert(0, fresh)
    until(lambda: announced(one), "the router has both routes again")
