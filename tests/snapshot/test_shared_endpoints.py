"""Overrides of endpoints that two regions have: which numbers an edit gives to another endpoint."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolverd.health.overrides import Override, OverrideKind
from resolverd.snapshot.inputs import Inputs, load_inputs
from resolverd.snapshot.orphans import orphaned

# The same machine behind one address and another, and a second machine.
A, OTHER_A, B = (
    f'{{address = ["192.0.2.{host}"], url = "http://{name}.example:8000"}}'
    for host, name in ((10, "a"), (11, "a"), (12, "b"))
)


async def inputs(folder: Path, **regions: tuple[str, ...]) -> Inputs:
    tables = "".join(
        f"[region.{name}]\ncoordinates = [1, 2]\nendpoint = [{', '.join(endpoints)}]\n"
        for name, endpoints in regions.items()
    )
    path = folder / "resolverd.toml"
    path.write_text(f"""\
[server]
coordinates = [1, 2]
{tables}[service.s]
regions = {[*regions]}
""")
    (folder / "zones").mkdir(exist_ok=True)
    (folder / "zones" / "z.zone").write_text("""\
$ORIGIN example.
$TTL 60
@ SOA ns1 host 1 3600 600 86400 60
@ NS ns1
ns1 A 192.0.2.1
""")
    return await load_inputs(path)


@pytest.mark.parametrize(
    ("us", "batch", "then", "lost"),
    [
        pytest.param((A,), (A,), (OTHER_A,), False, id="changed where it stands"),
        pytest.param((OTHER_A,), (A,), (A,), False, id="changed into what the other region has"),
        pytest.param((A, B), (A, B), (B,), True, id="it went"),
        pytest.param((A, OTHER_A), (A, OTHER_A), (OTHER_A,), True, id="it went, of one machine"),
        pytest.param((A, OTHER_A), (A,), (OTHER_A, A), True, id="they changed places"),
        pytest.param((A,), (B,), (B,), True, id="another took its place"),
    ],
)
async def test_an_endpoint_that_stays_in_another_region_has_taken_no_number(
    tmp_path: Path, us: tuple[str, ...], batch: tuple[str, ...], then: tuple[str, ...], lost: bool
) -> None:
    before = await inputs(tmp_path, us=us, batch=batch)
    after = await inputs(tmp_path, us=then, batch=batch)
    drained = {"us-1": Override(OverrideKind.DRAIN, "op", "new disks", 0.0)}
    assert orphaned(drained, after, before) == (drained if lost else {})
