"""The generator asks what it says, and tells what came back."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from bench.load.build import Programs

_STOP = b"stop"

Responder = Callable[[dns.message.Message], dns.message.Message | None]


class Fake:
    """A server in a thread; it keeps what it was asked."""

    def __init__(self, respond: Responder) -> None:
        self.asked: list[dns.message.Message] = []
        self.respond = respond
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.port: int = self.sock.getsockname()[1]

    def serve(self) -> None:
        while True:
            octets, client = self.sock.recvfrom(4096)
            if octets == _STOP:
                return
            query = dns.message.from_wire(octets)
            self.asked.append(query)
            response = self.respond(query)
            if response is not None:
                self.sock.sendto(response.to_wire(), client)


@contextmanager
def serving(respond: Responder) -> Iterator[Fake]:
    fake = Fake(respond)
    thread = threading.Thread(target=fake.serve, daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(_STOP, ("127.0.0.1", fake.port))
        thread.join()
        fake.sock.close()


def answer(query: dns.message.Message, address: str = "192.0.2.80") -> dns.message.Message:
    response = dns.message.make_response(query)
    response.answer = [dns.rrset.from_text(query.question[0].name, 60, "IN", "A", address)]
    return response


def load(programs: Programs, port: int, *words: str, qname: str = "www.example") -> dict[str, Any]:
    command = [str(programs.load), f"--port={port}", f"--qname={qname}", "--seconds=0.2", *words]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def test_answers_are_counted_by_code_and_address(programs: Programs) -> None:
    with serving(answer) as fake:
        report = load(programs, fake.port, "--window=8", "--sockets=2")
    assert report["received"] > 0
    assert report["sent"] == report["received"] + report["lost"]
    assert report["rcodes"] == {"0": report["received"]}
    assert report["addresses"] == {"192.0.2.80": report["received"]}
    assert report["malformed"] == report["late"] == report["without_address"] == 0
    latency = report["latency_us"]
    assert 0 < latency["p50"] <= latency["p90"] <= latency["p99"]


def test_other_codes_and_other_addresses_are_noticed(programs: Programs) -> None:
    def respond(query: dns.message.Message) -> dns.message.Message:
        if query.id % 2:
            return answer(query, "198.51.100.1")
        response = dns.message.make_response(query)
        response.set_rcode(dns.rcode.NXDOMAIN)
        return response

    with serving(respond) as fake:
        report = load(programs, fake.port, "--window=8", "--sockets=1")
    assert set(report["rcodes"]) == {"0", "3"}
    assert report["without_address"] == report["rcodes"]["3"]
    assert report["addresses"] == {"198.51.100.1": report["rcodes"]["0"]}


def test_an_address_is_found_behind_a_cname(programs: Programs) -> None:
    def respond(query: dns.message.Message) -> dns.message.Message:
        response = answer(query)
        alias = dns.rrset.from_text(query.question[0].name, 60, "IN", "CNAME", "x.example.")
        response.answer.insert(0, alias)
        return response

    with serving(respond) as fake:
        report = load(programs, fake.port, "--window=4", "--sockets=1")
    assert report["addresses"] == {"192.0.2.80": report["received"]}


def test_what_is_not_answered_is_lost(programs: Programs) -> None:
    with serving(lambda query: None) as fake:
        report = load(programs, fake.port, "--window=8", "--sockets=1")
    assert report["received"] == 0
    assert report["sent"] == report["lost"] >= 8


def test_a_response_that_nobody_waits_for_is_no_answer(programs: Programs) -> None:
    def respond(query: dns.message.Message) -> dns.message.Message:
        response = answer(query)
        response.id ^= 0x8000
        return response

    with serving(respond) as fake:
        report = load(programs, fake.port, "--window=8", "--sockets=1")
    assert report["received"] == 0
    assert report["late"] > 0


def test_what_is_no_response_is_malformed_and_no_answer(programs: Programs) -> None:
    def respond(query: dns.message.Message) -> dns.message.Message:
        return query

    with serving(respond) as fake:
        report = load(programs, fake.port, "--window=8", "--sockets=1")
    assert report["received"] == 0
    assert report["malformed"] > 0


def test_a_signal_ends_it_early_with_what_it_has(programs: Programs) -> None:
    asked = threading.Event()

    def respond(query: dns.message.Message) -> dns.message.Message:
        asked.set()
        return answer(query)

    with serving(respond) as fake:
        command = [str(programs.load), f"--port={fake.port}", "--qname=a.example", "--seconds=600"]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert asked.wait(60)
            process.terminate()
            output, _ = process.communicate(timeout=60)
    assert json.loads(output)["received"] > 0


@pytest.mark.parametrize(("mix", "edns", "options"), [("plain", -1, 0), ("edns", 0, 0)])
def test_queries_without_a_client_subnet(
    programs: Programs, mix: str, edns: int, options: int
) -> None:
    with serving(answer) as fake:
        load(programs, fake.port, f"--mix={mix}", "--window=4", "--sockets=1")
    assert {(query.edns, len(query.options)) for query in fake.asked} == {(edns, options)}


def test_client_subnets_are_random_24s_of_the_unicast_space(programs: Programs) -> None:
    with serving(answer) as fake:
        load(programs, fake.port, "--mix=ecs", "--window=16", "--sockets=1")
    subnets = []
    for query in fake.asked:
        (option,) = query.options
        assert isinstance(option, dns.edns.ECSOption)
        assert (option.family, option.srclen, option.scopelen) == (1, 24, 0)
        subnets.append(option.address)
    assert len(set(subnets)) > len(subnets) / 2
    assert all(1 <= int(subnet.split(".")[0]) <= 223 for subnet in subnets)


def test_a_run_of_hashes_counts_through_the_names(programs: Programs) -> None:
    with serving(answer) as fake:
        load(
            programs, fake.port, "--names=12", "--window=16", "--sockets=1", qname="a.z###.example"
        )
    names = {query.question[0].name.to_text() for query in fake.asked}
    assert names == {f"a.z{n:03}.example." for n in range(12)}


def test_the_open_loop_sends_no_more_than_its_rate(programs: Programs) -> None:
    with serving(answer) as fake:
        report = load(programs, fake.port, "--rate=500", "--sockets=2")
    assert 0 < report["sent"] <= 500 * report["seconds"]
    assert report["received"] == len(fake.asked) == report["sent"]


def test_stamps_do_not_hold_what_the_generator_itself_was_late_by(programs: Programs) -> None:
    """It is stopped for a tenth of a second, in which queries were due that it sends after it."""
    stopped = threading.Event()
    process: subprocess.Popen[bytes]

    def respond(query: dns.message.Message) -> dns.message.Message:
        if len(fake.asked) == 20 and not stopped.is_set():
            stopped.set()
            process.send_signal(signal.SIGSTOP)
            threading.Timer(0.1, process.send_signal, [signal.SIGCONT]).start()
        return answer(query)

    words = ["--rate=400", "--sockets=1", "--seconds=0.5", "--stamped"]
    with serving(respond) as fake:
        command = [str(programs.load), f"--port={fake.port}", "--qname=a.example", *words]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            output, _ = process.communicate(timeout=60)
    report = json.loads(output)
    stamped = sum(count for _, count in report["stamped_ns"])
    assert stamped + report["early"] == report["received"] > 0
    # Of those that were due while it was stopped, the first was late by all of it.
    late = {
        name: sum(count for latency, count in report[name] if latency > 50e6)
        for name in ("latency_ns", "stamped_ns")
    }
    assert late["stamped_ns"] < late["latency_ns"] / 2


def test_nothing_is_stamped_unless_it_is_asked_for(programs: Programs) -> None:
    with serving(answer) as fake:
        report = load(programs, fake.port, "--window=8", "--sockets=1")
    assert report["stamped_ns"] == []


def test_changes_of_the_watched_clients_answer_are_reported_in_order(programs: Programs) -> None:
    seen = 0

    def respond(query: dns.message.Message) -> dns.message.Message:
        nonlocal seen
        (option,) = query.options
        assert isinstance(option, dns.edns.ECSOption)
        seen += option.address == "203.0.113.0"
        return answer(query, "192.0.2.2" if seen > 1 else "192.0.2.1")

    with serving(respond) as fake:
        report = load(
            *(programs, fake.port, "--mix=ecs", "--watch=203.0.113.9"),
            *("--window=4", "--sockets=1"),
        )
    assert [address for _, address in report["changes"]] == ["192.0.2.1", "192.0.2.2"]
    assert report["changes"][0][0] < report["changes"][1][0]


@pytest.mark.parametrize("threads", ["1", "2"])
def test_the_echo_gives_back_what_it_gets(programs: Programs, threads: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen([programs.echo, str(port), threads]) as echo:
        try:
            _wait_for(port)
            report = load(programs, port, "--window=16", "--sockets=2")
        finally:
            echo.kill()
    assert report["received"] == report["without_address"] > 0
    assert report["octets"] == report["received"] * report["query_octets"]


@pytest.mark.parametrize(
    "words",
    [
        ["--qname=www.example"],
        ["--port=53"],
        ["--port=53", "--qname=a..b"],
        ["--port=53", f"--qname={'a' * 64}.example"],
        ["--port=53", "--qname=a", "--mix=other"],
        ["--port=53", "--qname=a", "--watch=here"],
        ["--port=53", "--qname=a", "--sockets=0"],
        ["--port=99999", "--qname=a"],
    ],
)
def test_a_wrong_command_line_is_refused(programs: Programs, words: list[str]) -> None:
    done = subprocess.run([programs.load, *words], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr
    assert not done.stdout


def _wait_for(port: int) -> None:
    query = dns.message.make_query("www.example", "A").to_wire()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.05)
        sock.connect(("127.0.0.1", port))
        ends = time.monotonic() + 20.0  # a refusal comes at once, and many before it listens
        while time.monotonic() < ends:
            try:
                sock.send(query)
                if sock.recv(4096)[:2] == query[:2]:
                    return
            except (ConnectionRefusedError, TimeoutError):
                continue
    raise AssertionError("the echo never answered")
