"""search and ndots of resolv.conf: pure in a table, then asked of a real unbound."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import dns.asyncresolver
import dns.name
import pytest
from harness.programs import free_port

from resolverd.health.lookup import Found, LookupFailedError, RRType, SystemLookup, candidates

ZONES = """\
server:
    interface: 127.0.0.1@{port}
    do-daemonize: no
    username: ""
    chroot: ""
    pidfile: ""
    use-syslog: no
    local-zone: "cluster.local." static
    local-data: "vllm.models.svc.cluster.local. 7 A 192.0.2.1"
    local-data: "vllm.models.svc.cluster.local. 7 AAAA 2001:db8::1"
    local-data: "four.models.svc.cluster.local. 7 A 192.0.2.4"
    local-data: "text.default.svc.cluster.local. 7 TXT x"
    local-data: "text.svc.cluster.local. 7 A 192.0.2.5"
    local-zone: "broken.local." refuse
    local-zone: "models." static
    local-zone: "nothing." static
    local-zone: "example." static
    local-data: "vllm.models.example. 7 A 192.0.2.9"
    local-data: "four.models.example. 7 AAAA 2001:db8::9"
remote-control:
    control-enable: no
"""
SEARCH = ("default.svc.cluster.local", "svc.cluster.local", "cluster.local")


@pytest.mark.parametrize(
    ("name", "ndots", "wanted"),
    [
        ("a", 1, ["a.x.", "a.y.", "a."]),
        ("a.b", 1, ["a.b.", "a.b.x.", "a.b.y."]),
        ("a.b", 5, ["a.b.x.", "a.b.y.", "a.b."]),
        ("a.b.c.d.e.f", 5, ["a.b.c.d.e.f.", "a.b.c.d.e.f.x.", "a.b.c.d.e.f.y."]),
        ("a.b.", 5, ["a.b."]),
        ("a", 0, ["a.", "a.x.", "a.y."]),
    ],
)
def test_the_order_is_that_of_resolv_conf(name: str, ndots: int, wanted: list[str]) -> None:
    search = [dns.name.from_text(each) for each in ("x", "y")]
    assert [*map(str, candidates(dns.name.from_text(name, None), search, ndots))] == wanted


@pytest.fixture
async def unbound(tmp_path: Path) -> AsyncIterator[int]:
    program = shutil.which("unbound", path="/usr/sbin:/usr/bin:/sbin")
    if program is None:
        pytest.skip("no unbound here")
    port = free_port()
    config = tmp_path / "unbound.conf"
    config.write_text(ZONES.format(port=port))
    process = await asyncio.create_subprocess_exec(program, "-c", str(config))
    asked = SystemLookup(["127.0.0.1"], port, timeout=0.5, hosts=Path("/nonexistent"))
    try:
        async with asyncio.timeout(30):
            while True:
                try:
                    if (await asked("vllm.models.example.", "A")).addresses:
                        break
                except LookupFailedError:
                    continue
        yield port
    finally:
        process.terminate()
        await process.wait()


@pytest.mark.parametrize(
    ("name", "rrtype", "ndots", "addresses"),
    [
        ("vllm.models", "A", 5, ("192.0.2.1",)),
        ("vllm.models", "AAAA", 5, ("2001:db8::1",)),
        ("vllm.models.svc.cluster.local.", "A", 5, ("192.0.2.1",)),
        ("vllm.models.", "A", 5, ()),
        ("vllm.models.example", "A", 1, ("192.0.2.9",)),
        ("vllm.models.example", "A", 5, ("192.0.2.9",)),
        # The name with addresses is one, though it has none of this family.
        ("four.models", "AAAA", 5, ()),
        # A name that exists without addresses is passed over.
        ("text", "A", 5, ("192.0.2.5",)),
    ],
)
async def test_names_are_searched_as_the_system_searches(
    monkeypatch: pytest.MonkeyPatch,
    unbound: int,
    name: str,
    rrtype: RRType,
    ndots: int,
    addresses: tuple[str, ...],
) -> None:
    assert (await _found(monkeypatch, unbound, name, rrtype, ndots)).addresses == addresses


async def test_a_search_domain_that_fails_is_passed_over_but_makes_no_absence(
    monkeypatch: pytest.MonkeyPatch, unbound: int
) -> None:
    search = ("broken.local", "svc.cluster.local")
    found = await _found(monkeypatch, unbound, "vllm.models", "A", 5, search)
    assert found.addresses == ("192.0.2.1",)
    with pytest.raises(LookupFailedError):
        await _found(monkeypatch, unbound, "nothing", "A", 5, search)


async def _found(
    monkeypatch: pytest.MonkeyPatch,
    port: int,
    name: str,
    rrtype: RRType,
    ndots: int,
    search: tuple[str, ...] = SEARCH,
) -> Found:
    def configured(_self: SystemLookup) -> dns.asyncresolver.Resolver:
        resolver = dns.asyncresolver.Resolver(configure=False)
        resolver.nameservers, resolver.port = ["127.0.0.1"], port
        resolver.search = [dns.name.from_text(each) for each in search]
        resolver.ndots = ndots
        return resolver

    monkeypatch.setattr(SystemLookup, "_resolver", configured)
    return await SystemLookup(hosts=Path("/nonexistent"))(name, rrtype)
