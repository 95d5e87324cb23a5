"""The kernel's TCP statistics: what is read of its messages, whatever they are, and by whom."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolverd.rtt.inet_diag import (
    SOCK_DIAG_BY_FAMILY,
    Connection,
    DiagError,
    dump_request,
    parse_dump,
)
from resolverd.rtt.kernel import TcpStatistics

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become nobody")
NOBODY = 65534
SEQUENCE = 7


def message(
    client: bytes, us: int, received: int = 100, sequence: int = SEQUENCE, more: bytes = b""
) -> bytes:
    """One connection as the kernel tells it; `more` are attributes before the tcp_info."""
    family = 2 if len(client) == 4 else 10
    info = bytearray(248)
    struct.pack_into("=Q", info, 128, received)
    struct.pack_into("=I", info, 148, us)
    body = bytes([family, 1, 0, 0]) + struct.pack("!HH", 443, 50000) + bytes(16)
    body += client.ljust(16, b"\0") + bytes(32) + more
    body += struct.pack("=HH", 4 + len(info), 2) + info
    return framed(SOCK_DIAG_BY_FAMILY, body, sequence)


def framed(kind: int, body: bytes, sequence: int = SEQUENCE) -> bytes:
    padded = body + bytes(-len(body) & 3)
    return struct.pack("=IHHII", 16 + len(body), kind, 2, sequence, 0) + padded


DONE = framed(3, struct.pack("=i", 0))
V4, V6 = socket.inet_aton("8.8.8.8"), socket.inet_pton(socket.AF_INET6, "2001:4860::8888")


def test_each_connection_of_a_datagram_is_read() -> None:
    datagram = message(V4, 23_400) + message(V6, 150, 7) + DONE
    assert parse_dump(datagram, SEQUENCE) == (
        [Connection(V4, 23.4, 100), Connection(V6, 0.15, 7)],
        True,
    )


def test_other_attributes_stand_before_the_statistics() -> None:
    more = struct.pack("=HHB3x", 5, 8, 0) + struct.pack("=HHH2x", 6, 22, 82)
    assert parse_dump(message(V4, 1000, more=more), SEQUENCE).connections == [
        Connection(V4, 1.0, 100)
    ]


def test_a_round_trip_that_was_not_measured_is_none() -> None:
    assert parse_dump(message(V4, 0xFFFFFFFF), SEQUENCE) == ([], False)


def test_messages_of_another_dump_are_passed_over() -> None:
    old = message(V4, 1000, sequence=6) + framed(3, struct.pack("=i", 0), 6)
    assert parse_dump(old + message(V6, 2000), SEQUENCE) == ([Connection(V6, 2.0, 100)], False)


@pytest.mark.parametrize(
    ("code", "words"),
    [(-2, "modprobe tcp_diag"), (-1, "Operation not permitted"), (-4, "Interrupted")],
)
@pytest.mark.parametrize("kind", [2, 3])
def test_an_error_of_the_kernel_is_said(kind: int, code: int, words: str) -> None:
    with pytest.raises(DiagError, match=words):
        parse_dump(framed(kind, struct.pack("=i", code)), SEQUENCE)


def test_what_was_read_too_slowly_is_no_dump() -> None:
    with pytest.raises(DiagError, match="too slowly"):
        parse_dump(framed(4, b""), SEQUENCE)


@given(st.data())
def test_a_message_that_is_cut_short_raises_nothing_else(data: st.DataObject) -> None:
    whole = message(V4, 1000) + message(V6, 2000, more=struct.pack("=HH", 4, 9)) + DONE
    cut = data.draw(st.integers(1, len(whole) - 1))
    boundaries = [len(message(V4, 1000)), len(whole) - len(DONE)]
    if cut in boundaries:
        assert not parse_dump(whole[:cut], SEQUENCE).done
    else:
        with pytest.raises(DiagError, match="cut short"):
            parse_dump(whole[:cut], SEQUENCE)


@given(
    st.integers(0, 700),
    st.binary(min_size=1, max_size=8),
)
def test_octets_that_are_damaged_raise_nothing_else(at: int, damage: bytes) -> None:
    whole = message(V4, 1000) + message(V6, 2000) + DONE
    damaged = whole[:at] + damage + whole[at + len(damage) :]
    with suppress(DiagError):
        parse_dump(damaged, SEQUENCE)


@given(st.binary(max_size=200))
def test_any_octets_raise_nothing_else(octets: bytes) -> None:
    try:
        found, _ = parse_dump(octets, SEQUENCE)
    except DiagError:
        return
    assert all(len(connection.client) in (4, 16) for connection in found)


def test_a_request_is_as_long_as_it_says() -> None:
    request = dump_request(socket.AF_INET6, 443, SEQUENCE)
    assert struct.unpack_from("=I", request)[0] == len(request) == 72
    assert request[24:26] == struct.pack("!H", 443)


@contextmanager
def front_door(family: int, address: str) -> Iterator[tuple[int, socket.socket]]:
    """A listening port, and one client's connection to it that has sent three octets."""
    with (
        socket.create_server((address, 0), family=family, dualstack_ipv6=address == "::") as server,
        socket.create_connection(
            ("127.0.0.1" if address != "::1" else "::1", port_of(server))
        ) as c,
        server.accept()[0] as accepted,
    ):
        c.send(b"abc")
        accepted.recv(3)
        yield port_of(server), c


def port_of(server: socket.socket) -> int:
    port: int = server.getsockname()[1]
    return port


def dumps(ports: list[int], times: int = 1) -> list[list[Connection]]:
    with closing(TcpStatistics(ports)) as statistics:
        return [list(statistics.connections()) for _ in range(times)]


@pytest.mark.parametrize(
    ("family", "address", "client"),
    [
        (socket.AF_INET, "127.0.0.1", socket.inet_aton("127.0.0.1")),
        (socket.AF_INET6, "::1", socket.inet_pton(socket.AF_INET6, "::1")),
        (socket.AF_INET6, "::", socket.inet_pton(socket.AF_INET6, "::ffff:127.0.0.1")),
    ],
)
def test_the_kernel_tells_of_a_real_connection_and_no_other(
    family: int, address: str, client: bytes
) -> None:
    with front_door(family, address) as (port, _), front_door(socket.AF_INET, "127.0.0.1"):
        for [found] in dumps([port], 2):  # a dump does not spoil the next
            assert (found.client, found.received) == (client, 3)
            assert 0 < found.ms < 1000


@needs_root
def test_the_kernel_tells_it_to_nobody() -> None:
    """To a user without a privilege, that is."""
    with front_door(socket.AF_INET, "127.0.0.1") as (port, _):
        reading, writing = os.pipe()
        if not (child := os.fork()):
            found = "nothing"
            try:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
                found = repr([c.received for c in dumps([port])[0]])
            finally:
                os.write(writing, f"{os.getuid()} {found}".encode())
                os._exit(0)
        os.close(writing)
        os.waitpid(child, 0)
        assert os.read(reading, 100) == f"{NOBODY} [3]".encode()
        os.close(reading)


def test_a_port_without_connections_has_none() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert dumps([port_of(server)]) == [[]]


def test_a_dump_that_was_given_up_spoils_no_other() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=500) as server:
        port = port_of(server)
        clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(300)]
        with closing(TcpStatistics([port])) as statistics:
            for _ in range(3):
                begun = statistics.connections()
                assert next(iter(begun)).ms > 0
                del begun
            assert len(list(statistics.connections())) == 300
        for client in clients:
            client.close()


def test_more_connections_than_one_datagram_holds_are_all_read() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=500) as server:
        port = port_of(server)
        clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(300)]
        [found] = dumps([port])
        for client in clients:
            client.close()
    assert len(found) == 300
