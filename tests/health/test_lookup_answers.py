"""One look-up at a real nameserver: what it finds, and why it finds nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from nameserver import NAME, Nameserver, lookup

from resolverd.health.lookup import LookupFailedError, SystemLookup


async def test_the_hosts_file_comes_before_dns(nameserver: Nameserver, tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text("# a comment\n10.0.0.7 x USE.example # here\nfd00::7 use.example\nbad\n")
    look = lookup(nameserver, hosts)
    assert (await look(NAME, "A")).addresses == ("10.0.0.7",)
    assert (await look(f"{NAME}.", "AAAA")).addresses == ("fd00::7",)
    assert (await look("other.example", "A")).addresses == ("192.0.2.1",)


async def test_a_lookup_says_why_it_failed(nameserver: Nameserver) -> None:
    nameserver.rcode = "SERVFAIL"
    with pytest.raises(LookupFailedError, match=r"^NoNameservers$"):
        await lookup(nameserver)(NAME, "A")
    nameserver.rcode = "NXDOMAIN"
    assert (await lookup(nameserver)(NAME, "A")).absence == "NXDOMAIN"


@pytest.mark.parametrize(("count", "answers"), [(200, True), (500, False)])
async def test_an_answer_beyond_4096_octets_is_none(
    nameserver: Nameserver, count: int, answers: bool
) -> None:
    """Parsing a longer one would hold up every other endpoint's probes."""
    nameserver.a = [f"192.0.{n // 250}.{n % 250}" for n in range(count)]
    lookup = SystemLookup(("127.0.0.1",), nameserver.port)
    if answers:
        assert len((await lookup(NAME, "A")).addresses) == count
        return
    with pytest.raises(LookupFailedError, match="answer of more than 4096 octets"):
        await lookup(NAME, "A")
