"""A published set says nothing of an edge's own databases: it is neither refused for them, nor
does it adopt what they would let out of a pin."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
from live_daemon import Endpoint, Files, good_config, running
from mmdb_writer import mmdb_bytes

from resolverd.errors import ProblemsError
from resolverd.files.replay import Replay
from resolverd.snapshot.inputs import DATABASES

PIN = '[pin.gdpr]\nasn = [64500]\nregions = ["us-west"]\n'
MORE = '[pin.more]\ncountries = ["DE"]\nregions = ["eu-west"]\n'


@pytest.mark.parametrize("held", [False, True], ids=["since the set", "held before"])
@pytest.mark.parametrize(("accept_losses", "trial"), [(False, True), (True, False)])
async def test_a_set_is_taken_and_a_database_without_numbers_stays_held(
    files: Files, endpoints: dict[str, Endpoint], *, accept_losses: bool, trial: bool, held: bool
) -> None:
    both = '["city.mmdb", "asn.mmdb"]'
    text = good_config(endpoints, "watch = false\n").replace('["city.mmdb"]', both) + PIN
    files.config.write_text(text)
    database = files.database.with_name("asn.mmdb")
    numbers = {"1.0.0.0/8": {"autonomous_system_number": 64500}}
    database.write_bytes(mmdb_bytes(numbers, "GeoLite2-ASN"))
    async with running(files.config) as daemon:
        database.write_bytes(mmdb_bytes({"1.0.0.0/8": {"country_code": "US"}}, "country ipv4"))
        if held:
            assert not await daemon.reload()

        async def take(*, insisted: bool) -> None:
            adopting = daemon._adoption
            await adopting.take(Replay(), nullcontext(), accept_losses=insisted, trial=trial)

        files.config.write_text(text + MORE)
        await take(insisted=accept_losses)
        assert "more" in daemon.inputs.config.pin
        assert daemon.inputs.locator.tells_asns
        assert [(each.part, each.held) for each in daemon.reloads.outdated] == [(DATABASES, True)]
        files.config.write_text(text)
        with pytest.raises(ProblemsError):
            await take(insisted=False)  # what the set itself loses refuses it
        assert await daemon.reload(accept_losses=True)
        assert not daemon.inputs.locator.tells_asns
