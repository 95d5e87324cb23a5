"""state, override, clear, reload and explain with a daemon that runs: output, codes and errors."""

from __future__ import annotations

import getpass
import os
import random
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import dns.edns
import dns.message
import dns.query
import pytest
from cli.command import resolverd
from cli.live import Live
from harness.config import REGIONS, address_of
from prometheus_client.parser import text_string_to_metric_families

from resolverd.cli.link import Link

CHAT_NAME = "chat.inference.example"


@pytest.fixture
def overridden(served: Live) -> Iterator[Live]:
    """A daemon whose ap-northeast is drained."""
    ran = resolverd("override", "ap-northeast", "drain", "--why", "a test", cwd=served.place)
    assert ran.status == 0
    yield served
    resolverd("clear", "ap-northeast", cwd=served.place)


def _dig(served: Live, client: str, name: str = CHAT_NAME) -> dns.message.Message:
    address, _, length = client.partition("/")
    subnet = dns.edns.ECSOption(address, int(length))
    message = dns.message.make_query(name, "A", use_edns=0, options=[subnet])
    return dns.query.udp(message, "127.0.0.1", port=served.port, timeout=10)


def _addresses(message: dns.message.Message) -> set[str]:
    return {rdata.address for rrset in message.answer for rdata in rrset}


def test_state_shows_regions_endpoints_and_services(served: Live) -> None:
    ran = resolverd("state", cwd=served.place)
    assert (ran.status, ran.err) == (0, "")
    assert f"listens  127.0.0.1:{served.port}" in ran.out
    assert f"config   {served.place / 'resolverd.toml'}" in ran.out
    assert "zones    inference.example (7)" in ran.out
    for region in REGIONS:
        assert any(
            line.startswith(region) and " up " in line and " 1/1 " in line and "HTTP 200" in line
            for line in ran.out.splitlines()
        )
    assert "override" not in ran.out


def test_state_as_json_is_the_apis(served: Live) -> None:
    state = resolverd("state", "--json", cwd=served.place).json()
    assert [region["name"] for region in state["regions"]] == list(REGIONS)
    assert state["ready"] is True


def test_state_shows_overrides_beside_what_is_measured(overridden: Live) -> None:
    out = resolverd("state", cwd=overridden.place).out
    (region,) = (line for line in out.splitlines() if line.startswith("ap-northeast  down"))
    assert f"drain by {_operator()}: a test (measured up)" in region
    (override,) = (line for line in out.splitlines() if line.startswith("ap-northeast  drain"))
    assert "until cleared" in override


def test_state_finds_the_daemon_by_the_socket_from_anywhere(served: Live, tmp_path: Path) -> None:
    ran = resolverd("state", "--socket", served.socket, "--json", cwd=tmp_path)
    assert ran.json()["config"] == str(served.place / "resolverd.toml")


def test_state_works_while_the_configuration_is_broken(served: Live) -> None:
    """The one file that matters least to who asks what is served."""
    path = served.place / "resolverd.toml"
    good = path.read_text()
    path.write_text(good.replace("coordinates = [50.1, 8.7]", "coordinates = [500, 8.7]"))
    try:
        assert resolverd("state", cwd=served.place).status == 0
        ran = resolverd("reload", cwd=served.place)
        assert ran.status == 1
        assert "resolverd.toml:2:" in ran.err
        assert "config-value" in ran.err
        assert "hint: " in ran.err
        assert "1 problem; refused: what was served is served on" in ran.err
        document = resolverd("reload", "--json", cwd=served.place)
        assert document.status == 1
        assert document.json()["adopted"] is False
        assert document.json()["problems"][0]["id"] == "config-value"
        assert "refused" in resolverd("state", cwd=served.place).out
    finally:
        path.write_text(good)
        assert resolverd("reload", cwd=served.place).status == 0


def test_an_override_moves_answers_and_clear_brings_them_back(served: Live) -> None:
    assert _addresses(_dig(served, "1.2.3.0/24")) == {address_of("ap-northeast")}
    ran = resolverd(
        "override", "ap-northeast", "drain", "--for", "30m", "--why", "kernel", cwd=served.place
    )
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith("ap-northeast: drain for 30m, until 20")
    assert _addresses(_dig(served, "1.2.3.0/24")) == {address_of("us-west")}
    ran = resolverd("clear", "ap-northeast", cwd=served.place)
    assert ran.out == f"ap-northeast: cleared (was drain by {_operator()}: kernel)\n"
    assert _addresses(_dig(served, "1.2.3.0/24")) == {address_of("ap-northeast")}


def test_an_override_of_an_endpoint_as_json(served: Live) -> None:
    order = ("override", "us-east-1", "down", "--why", "disk", "--force")
    document = resolverd(*order, "--json", cwd=served.place).json()
    assert document["set"][0]["target"] == "us-east-1"
    cleared = resolverd("clear", "us-east-1", "--json", cwd=served.place).json()
    assert cleared["cleared"][0]["why"] == "disk"


def test_an_override_that_leaves_a_service_nothing_is_put_by_force_alone(served: Live) -> None:
    down = [("override", region, "down", "--why", "x") for region in ("us-east", "eu-west")]
    try:
        ran = resolverd(*down[0], cwd=served.place)
        assert ran.status == 1
        assert "without us-east no region serves service fixed under pin nowhere" in ran.err
        assert resolverd(*down[0], "--force", cwd=served.place).status == 0
        ran = resolverd(*down[1], cwd=served.place)
        assert ran.status == 1
        assert "without eu-west no region serves service chat under pin gdpr, " in ran.err
        document = resolverd("state", "--json", cwd=served.place).json()["overrides"]
        assert [override["target"] for override in document] == ["us-east"]
        ran = resolverd(*down[1], "--force", cwd=served.place)
        assert ran.status == 0
        assert "no region serves service alias now; its all_down setting decides" in ran.err
        assert "no region serves service fixed now" in ran.err
        assert "no region serves service chat now" not in ran.err
        assert "no region serves service chat under pin gdpr now" in ran.err
    finally:
        for _, region, *_ in down:
            resolverd("clear", region, cwd=served.place)


def test_who_is_whoever_called_sudo(served: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "ann")
    order = ("override", "us-east", "up", "--why", "x", "--json")
    assert resolverd(*order, cwd=served.place).json()["set"][0]["who"] == "ann"
    resolverd("clear", "us-east", cwd=served.place)


USAGE = [
    (("override", "us-eats", "down", "--why", "x"), "did you mean us-east"),
    (("override", "us-east", "sideways", "--why", "x"), "invalid choice"),
    (("override", "us-east", "down"), "--why"),
    (("override", "us-east", "down", "--why", " "), "say why"),
    (("override", "us-east", "down", "--why", "x", "--for", "soon"), 'like "250ms", "5s"'),
    (("override", "us-east", "down", "--why", "x", "--for", "0s"), "over before it begins"),
    (("clear", "us-eats"), "did you mean us-east"),
    (("clear", "us-east"), "overridden now: none"),
    (("explain", CHAT_NAME, "1.2.3.4.5"), "is not an address"),
    (("explain", "www.inference.example", "1.2.3.4"), "DYNA names here"),
]


@pytest.mark.parametrize(("arguments", "document"), USAGE, ids=lambda value: str(value)[:40])
def test_a_wrong_argument_is_2_and_says_what_to_do(
    served: Live, arguments: tuple[str, ...], document: str
) -> None:
    ran = resolverd(*arguments, cwd=served.place)
    assert (ran.status, ran.out) == (2, "")
    assert document in ran.err


def test_explain_asks_the_daemon_and_says_so(overridden: Live) -> None:
    ran = resolverd("explain", CHAT_NAME, "1.2.3.0/24", cwd=overridden.place)
    assert "source  the running daemon at admin.sock, plan " in ran.out
    assert "answer  us-west (serving) 192.0.2.20" in ran.out
    (row,) = (line for line in ran.out.splitlines() if line.startswith("1     ap-northeast"))
    assert row.endswith(f"down            down: drain by {_operator()}: a test")
    document = resolverd("explain", CHAT_NAME, "1.2.3.0/24", "--json", cwd=overridden.place).json()
    assert document["region"] == "us-west"
    assert document["source"].startswith("the running daemon")
    assert document["verdicts"]["ap-northeast"] == f"down: drain by {_operator()}: a test"


@pytest.mark.parametrize("more", [("--files",), ("--down", "us-west")])
def test_explain_reads_the_files_when_told_to(overridden: Live, more: tuple[str, ...]) -> None:
    ran = resolverd("explain", CHAT_NAME, "1.2.3.0/24", *more, cwd=overridden.place)
    assert "source  the files of resolverd.toml alone" in ran.out
    assert "answer  ap-northeast (serving)" in ran.out


def test_explain_asks_no_daemon_that_serves_other_files(overridden: Live, place: Path) -> None:
    path = place / "resolverd.toml"
    text = path.read_text()
    assert 'socket = ""' in text
    path.write_text(text.replace('socket = ""', f'socket = "{overridden.socket}"'))
    assert "the files of" in resolverd("explain", CHAT_NAME, "1.2.3.4", cwd=place).out
    named = ("--socket", overridden.socket)
    assert "the running daemon" in resolverd("explain", CHAT_NAME, "1.2.3.4", *named, cwd=place).out


def test_explain_from_the_daemon_equals_the_wire(overridden: Live) -> None:
    chance = random.Random(5)
    for _ in range(25):
        first = chance.choice((1, 2, chance.randrange(11, 126)))
        client = f"{first}.{chance.randrange(256)}.{chance.randrange(256)}.0/24"
        document = resolverd("explain", CHAT_NAME, client, "--json", cwd=overridden.place).json()
        answer = _dig(overridden, client)
        assert _addresses(answer) == {a for a in document["answer"] if ":" not in a}
        (subnet,) = (o for o in answer.options if isinstance(o, dns.edns.ECSOption))
        assert subnet.scopelen == document["scope"]
        # After an override it falls, and rises again, also in between.
        assert abs(document["ttl"] - answer.answer[0].ttl) <= 1


ASKING = [
    ("state",),
    ("reload",),
    ("clear", "us-east"),
    ("override", "us-east", "down", "--why", "x"),
]


@pytest.mark.parametrize("arguments", ASKING, ids=lambda value: value[0])
@pytest.mark.parametrize("json_wanted", [(), ("--json",)])
def test_without_a_daemon_it_is_3_and_says_how_to_start_one(
    place: Path, arguments: tuple[str, ...], json_wanted: tuple[str, ...]
) -> None:
    named = ("--socket", str(place / "nobody.sock"))
    ran = resolverd(*arguments, *named, *json_wanted, cwd=place)
    assert (ran.status, ran.out) == (3, "")
    assert "no daemon runs here" in ran.err
    assert "resolverd serve --config" in ran.err


def test_an_explain_that_names_a_silent_socket_does_not_turn_to_the_files(place: Path) -> None:
    ran = resolverd("explain", CHAT_NAME, "1.2.3.4", "--socket", "nobody.sock", cwd=place)
    assert ran.status == 3


def test_a_configuration_without_a_socket_is_reported(place: Path) -> None:
    ran = resolverd("state", cwd=place)
    assert ran.status == 3
    assert 'admin.socket is ""' in ran.err
    assert 'set admin.socket = "auto"' in ran.err


def test_the_socket_of_a_dead_daemon_is_reported(place: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(place / "dead.sock"))
    ran = resolverd("state", "--socket", "dead.sock", cwd=place)
    assert ran.status == 3
    assert "nobody listens at dead.sock any more" in ran.err


def test_a_socket_that_is_closed_to_me_says_who_may(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root is refused nowhere, so the refusal is the kernel's only where it can be."""
    path = place / "closed.sock"
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(path))
        door.listen()
        path.chmod(0)
        if os.geteuid() == 0:

            def refuse(_self: socket.socket, _address: object) -> None:
                raise PermissionError(13, "Permission denied")

            monkeypatch.setattr(socket.socket, "connect", refuse)
        ran = resolverd("state", "--socket", path, cwd=place)
    assert ran.status == 3
    assert f"{path} is closed to " in ran.err
    assert "use sudo" in ran.err
    assert ("member of the group" in ran.err) == (path.stat().st_gid != 0)


def test_somebody_elses_socket_is_no_daemon(place: Path) -> None:
    """A listener that hangs up, or speaks something else, is told from a daemon."""
    path = place / "other.sock"
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(path))
        door.listen()
        chatter = threading.Thread(target=_chatter, args=(door,))
        chatter.start()
        ran = resolverd("state", "--socket", path, cwd=place)
        chatter.join()
    assert ran.status == 3
    assert f"{path} gives no answer" in ran.err


def _chatter(door: socket.socket) -> None:
    """Accept the look for a listener, then the request, and answer that with nonsense."""
    door.accept()[0].close()
    with door.accept()[0] as client:
        client.recv(4096)
        client.sendall(b"220 mail.example ready\r\n")


def _operator() -> str:
    return os.environ.get("SUDO_USER") or getpass.getuser()


def test_plan_takes_traffic_from_the_answers_that_the_daemon_counted(served: Live) -> None:
    before = _answers(served)
    for number in range(12):
        _dig(served, f"81.2.{number}.0/24")
    after = _answers(served)
    assert sum(after.values()) == sum(before.values()) + 12
    document = resolverd("plan", "--service", "chat", "--json", cwd=served.place).json()
    whole = sum(after.values())
    shares = {region["name"]: region["share"] for region in document["now"]["regions"]}
    assert shares == pytest.approx({name: after.get(name, 0) / whole for name in shares})
    named = {user["name"]: user["region"] for user in document["users"]}
    assert all(name == f"clients of {region}" for name, region in named.items())


def _answers(served: Live) -> dict[str, float]:
    """Answers of the service chat by region, as the daemon exposes them."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(Link(served.socket).metrics()):
        for sample in family.samples:
            if sample.name == "resolverd_answers_total" and sample.labels["service"] == "chat":
                region = sample.labels["region"]
                found[region] = found.get(region, 0.0) + sample.value
    return found
