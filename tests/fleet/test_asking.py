"""The program that asks: one record for each query, by whoever answered it, or nobody."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from bench.fleet.asking.load import SOURCES
from bench.fleet.asking.records import NO_RCODE, Record, read
from bench.load.build import compiled, compiler

NAME = "chat.inference.example."
Answer = Callable[[dns.message.Message], list[dns.message.Message]]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if compiler() is None:
        pytest.skip("NO C COMPILER: the program that asks fleets is not tested")
    return compiled("ask", SOURCES, tmp_path_factory.mktemp("ask"))


def answered(query: dns.message.Message, address: str = "192.0.2.1") -> dns.message.Message:
    response = dns.message.make_response(query)
    response.answer = [dns.rrset.from_text(NAME, 20, "IN", "A", address)]
    response.use_edns(options=[dns.edns.NSIDOption(b"e1")])
    return response


@contextmanager
def server(answer: Answer) -> Iterator[int]:
    """Answers each query with some messages; its port of 127.0.0.1."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(("127.0.0.1", 0))
        made.settimeout(0.05)
        ended = threading.Event()

        def serve() -> None:
            while not ended.is_set():
                try:
                    octets, peer = made.recvfrom(4096)
                except TimeoutError:
                    continue
                for response in answer(dns.message.from_wire(octets)):
                    made.sendto(response.to_wire(), peer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield made.getsockname()[1]
        finally:
            ended.set()
            thread.join()


def asked(program: Path, folder: Path, answer: Answer, *, rate: int = 100) -> list[Record]:
    (folder / "clients").write_text("128.59.1.0\n141.2.1.0\n")
    with server(answer) as port:
        subprocess.run(
            [
                *(program, f"--records={folder / 'records'}", f"--clients={folder / 'clients'}"),
                *(f"--qname={NAME}", f"--rate={rate}", "--seconds=0.5", f"--port={port}"),
                "127.0.0.1",
            ],
            check=True,
        )
    return list(read(folder / "records"))


def test_an_answer_is_recorded_with_address_ttl_edge_and_time(
    program: Path, tmp_path: Path
) -> None:
    records = asked(program, tmp_path, lambda query: [answered(query)])
    assert 45 <= len(records) <= 51
    for each in records:
        assert (each.address, each.ttl, each.rcode, each.edge) == ("192.0.2.1", 20, 0, "e1")
        assert (each.responses, each.family) == (1, 4)
        assert 0 < each.received - each.sent < 1
    assert [r.sent for r in records] == sorted(r.sent for r in records)


def test_the_query_has_the_subnet_of_the_client_that_is_recorded(
    program: Path, tmp_path: Path
) -> None:
    def by_subnet(query: dns.message.Message) -> list[dns.message.Message]:
        (subnet,) = (o for o in query.options if isinstance(o, dns.edns.ECSOption))
        assert subnet.srclen == 24
        number = {"128.59.1.0": 0, "141.2.1.0": 1}[subnet.address]
        return [answered(query, f"192.0.2.{number}")]

    records = asked(program, tmp_path, by_subnet)
    assert {(r.client, r.address) for r in records} == {(0, "192.0.2.0"), (1, "192.0.2.1")}


def test_what_is_not_answered_has_no_time_and_no_code(program: Path, tmp_path: Path) -> None:
    records = asked(program, tmp_path, lambda _: [])
    assert records
    assert {(r.received, r.rcode, r.address) for r in records} == {(0.0, NO_RCODE, "")}


def test_a_second_response_is_counted_and_changes_nothing(program: Path, tmp_path: Path) -> None:
    records = asked(
        program, tmp_path, lambda query: [answered(query), answered(query, "192.0.2.9")]
    )
    assert {(r.responses, r.address) for r in records} == {(2, "192.0.2.1")}


def test_a_response_to_no_query_of_ours_is_not_taken(program: Path, tmp_path: Path) -> None:
    def strange(query: dns.message.Message) -> list[dns.message.Message]:
        response = answered(query)
        response.id = (query.id + 1000) % 65536
        return [response]

    assert not any(r.received for r in asked(program, tmp_path, strange))


def test_an_answer_without_an_address_has_its_code(program: Path, tmp_path: Path) -> None:
    def failing(query: dns.message.Message) -> list[dns.message.Message]:
        response = dns.message.make_response(query)
        response.set_rcode(dns.rcode.SERVFAIL)
        return [response]

    assert {(r.rcode, r.address) for r in asked(program, tmp_path, failing)} == {(2, "")}
