"""What regions hand out: one set of families in a service, and no more than an answer holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolverd.config.load import load_config
from resolverd.dns.sizes import MAX_ADDRESSES, MAX_ANSWER, MAX_CHAIN_OCTETS
from resolverd.errors import ConfigError, Problem

HEAD = '[server]\ncoordinates = [0, 0]\n[service.chat]\nregions = ["a", "b"]\n{more}\n'


def problems(folder: Path, a: str, b: str, more: str = "") -> list[Problem]:
    """What is found about two regions whose endpoint says this."""
    text = HEAD.format(more=more) + "".join(
        f'[region.{name}]\ncoordinates = [0, 0]\nhostname = "{name}.example"\n'
        f'[[region.{name}.endpoint]]\nurl = "http://gpu.example:8000"\n{endpoint}\n'
        for name, endpoint in (("a", a), ("b", b))
    )
    path = folder / "resolverd.toml"
    path.write_text(text)
    try:
        found = load_config(path).warnings
    except ConfigError as refused:
        found = refused.problems
    return [p for p in found if p.id not in {"config-address-shared", "config-address-private"}]


BOTH = 'address = ["192.0.2.1", "2001:db8::1"]'
V4, V6 = 'address = ["192.0.2.1"]', 'address = ["2001:db8::1"]'
HOSTNAME = 'hostname = "gpu.example"'


@pytest.mark.parametrize(
    ("a", "b", "more", "said"),
    [
        (BOTH, BOTH, "", None),
        (V4, V4, "", None),
        (V4, BOTH, "", "a has no IPv6: "),
        (BOTH, V6, "", "b has no IPv4: "),
        (V4, V6, "", "b has no IPv4, a has no IPv6: "),
        (V4, HOSTNAME, "", None),
        (V4, BOTH, 'answer = "cname"', None),
    ],
)
def test_regions_whose_families_differ_are_warned_of(
    tmp_path: Path, a: str, b: str, more: str, said: str | None
) -> None:
    """Where a look-up decides nobody can tell, and a hostname has families of its own."""
    found = problems(tmp_path, a, b, more)
    if said is None:
        assert found == []
    else:
        (problem,) = found
        assert (problem.id, problem.severity) == ("config-families-differ", "warning")
        assert problem.message.startswith(said)
        assert problem.source == 'regions = ["a", "b"]'


@pytest.mark.parametrize(
    ("version", "family"), [(4, "10.0.{}.{}"), (6, "2001:db8::{}:{}")], ids=["IPv4", "IPv6"]
)
def test_more_addresses_than_an_answer_has_room_for_are_refused(
    tmp_path: Path, version: int, family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a smaller limit, since a file of thousands takes a minute to read."""
    monkeypatch.setitem(MAX_ADDRESSES, version, 40)

    def many(count: int) -> str:
        return f"address = {[family.format(n // 256, n % 256) for n in range(count)]}"

    assert problems(tmp_path, many(40), many(40)) == []
    (problem,) = problems(tmp_path, many(41), many(40))
    assert (problem.id, problem.severity) == ("config-many-addresses", "error")
    assert problem.message.startswith("region a has 41 ")


def test_as_many_addresses_as_are_allowed_fit_into_an_answer() -> None:
    for version, octets in ((4, 4), (6, 16)):
        assert (2 + 10 + octets) * MAX_ADDRESSES[version] <= MAX_ANSWER - MAX_CHAIN_OCTETS
