"""A cluster's fragment beside the other files: written, held or refused."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from cluster_objects import RULES_POOL, Made, balancer, cluster, gateway, pool, route
from harness.config import CHAT, config_text
from harness.hanging import hanging_mount
from harness.server import HEAD
from harness.waiting import until_holds

from resolverd.config.load import load_config
from resolverd.files.reading import THREADS
from resolverd.files.writing import WRITES
from resolverd.kube.writing import FragmentError, Outcome, Purpose, Writer

CLUSTER = (gateway("203.0.113.10"), route("chat.inference.example"))
NAME = "eu-west.gateway.infra.inference.203.0.113.10"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A configuration of four regions, with a zone that gives names to its services."""
    (tmp_path / "0.zone").write_text(
        f"$ORIGIN inference.example.\n{HEAD}chat 60 DYNA chat\nbig 60 DYNA edge/core\n"
    )
    services = f'{CHAT}[service.edge]\nregions = ["us-east"]\ncore = "large"\n[service.large]\n'
    (tmp_path / "resolverd.toml").write_text(
        config_text(f'{services}regions = ["us-west"]\n', server='zones = ["*.zone"]')
    )
    return tmp_path


def _writer(place: Path, **more: Any) -> Writer:
    purpose = Purpose(
        place / "resolverd.toml",
        (),
        place / "resolverd.d" / "k.json",
        ("eu-west",),
        None,
        {},
        "resolverd kube --once --yes",
    )
    return Writer(purpose._replace(**more))


async def _take(writer: Writer, *objects: Made, **more: Any) -> Outcome:
    return await writer.take(cluster(*objects), **more)


def _there(place: Path) -> Any:
    (only,) = (place / "resolverd.d").iterdir()
    return json.loads(only.read_text())


async def test_what_is_written_is_served_and_is_nothing_new_the_next_time(place: Path) -> None:
    assert (await _take(_writer(place), *CLUSTER)).state == "written"
    config = load_config(place / "resolverd.toml").config
    assert [endpoint.name for endpoint in config.region["eu-west"].endpoint] == ["", NAME]
    (file,) = (place / "resolverd.d").iterdir()
    before = file.stat().st_mtime_ns, file.read_bytes()
    assert (await _take(_writer(place), *reversed(CLUSTER))).state == "unchanged"
    assert (file.stat().st_mtime_ns, file.read_bytes()) == before
    assert file.stat().st_mode & 0o777 == 0o644


async def test_a_hostname_is_of_the_service_that_a_zone_gives_it(place: Path) -> None:
    gates = gateway("203.0.113.10")
    await _take(_writer(place), gates, route("*.inference.example", name="x", service="chat"))
    assert "service" not in _there(place)
    await _take(_writer(place), gates, route("big.inference.example"))
    assert _there(place)["service"] == {"large": {"regions": ["eu-west"]}}
    other = _writer(place, hostnames={"x.example.": "edge"})
    await _take(other, gates, route("x.example"))
    assert _there(place)["service"] == {"edge": {"regions": ["eu-west"]}}


async def test_a_region_that_no_file_has_needs_its_place(place: Path) -> None:
    (left,) = (await _take(_writer(place, regions=("mars",)), *CLUSTER)).left_out
    assert 'there is no region "mars"' in left.reason
    await _take(_writer(place, regions=("mars",), coordinates=(4.5, 137.4)), *CLUSTER)
    assert _there(place)["region"]["mars"]["coordinates"] == [4.5, 137.4]


async def test_a_fragment_that_loses_everything_is_held_until_it_is_insisted_on(
    place: Path,
) -> None:
    writer = _writer(place)
    await _take(writer, *CLUSTER)
    before = _there(place)
    held = await _take(writer, gateway("203.0.113.10", programmed="False"), CLUSTER[1])
    assert (held.state, [problem.id for problem in held.problems]) == ("held", ["lost-endpoints"])
    assert NAME in held.problems[0].message
    assert _there(place) == before
    assert (await _take(writer, insist=True)).state == "written"
    assert _there(place) == {}
    assert (await _take(writer)).state == "unchanged"


async def test_a_part_may_be_lost(place: Path) -> None:
    writer = _writer(place)
    await _take(writer, *CLUSTER, balancer("192.0.2.77", service="chat"))
    assert (await _take(writer, *CLUSTER)).state == "written"
    assert len(_there(place)["region"]["eu-west"]["endpoint"]) == 1


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("chat.inference.example", True),
        ("lb.inference.example", True),  # by an alias
        ("x.any.inference.example", True),  # by a wildcard
        ("gpu.any.inference.example", False),
        ("lb.cloud.example", False),
    ],
)
async def test_a_load_balancer_that_reports_a_steered_name_is_left_out(
    place: Path, name: str, left: bool
) -> None:
    with (place / "0.zone").open("a") as zone:
        zone.write("lb CNAME chat\n*.any DYNA chat\ngpu.any A 192.0.2.99\n")
    written = await _take(
        _writer(place), gateway(hostnames=[name]), route("chat.inference.example")
    )
    assert (written.state, bool(written.left_out)) == (
        ("unchanged", True) if left else ("written", False)
    )


async def test_nothing_is_written_for_a_cluster_that_has_nothing(place: Path) -> None:
    assert (await _take(_writer(place))).state == "unchanged"
    assert not (place / "resolverd.d").exists()


async def test_what_the_check_refuses_is_not_written_and_names_the_object(place: Path) -> None:
    await _take(_writer(place), *CLUSTER)
    before = _there(place)
    own = f'[[region.us-east.endpoint]]\nname = "{NAME[:-2]}11"\naddress = ["192.0.2.1"]\n'
    text = (place / "resolverd.toml").read_text()
    (place / "resolverd.toml").write_text(f'{text}{own}url = "http://192.0.2.1:8000"\n')
    refused = await _take(
        _writer(place), *CLUSTER, gateway("203.0.113.11", name="b"), gateway("203.0.113.11"),
        route("chat.inference.example"),
    )  # fmt: skip
    assert refused.state == "refused"
    (problem,) = refused.problems
    assert (problem.id, problem.file) == (
        "config-duplicate-endpoint",
        str(place / "resolverd.d" / "k.json"),
    )
    assert "(HTTPRoute prod/chat)" in problem.message
    assert _there(place) == before


async def test_services_that_may_not_share_a_region_are_refused(place: Path) -> None:
    refused = await _take(
        _writer(place),
        *CLUSTER,
        balancer("192.0.2.77", service="edge"),
    )
    assert (refused.state, {p.id for p in refused.problems}) == ("refused", {"kube-other-services"})
    assert not (place / "resolverd.d").exists()


async def test_what_keeps_nobody_from_an_answer_is_written_and_told(place: Path) -> None:
    hosts = '[service.chat]\nprobe = { host = "chat.inference.example" }\n'
    text = (place / "resolverd.toml").read_text().replace("[service.chat]\n", hosts)
    embed = '[service.embed]\nregions = ["eu-west"]\nprobe = { host = "embed.example" }\n'
    (place / "resolverd.toml").write_text(text + embed)
    objects = (*CLUSTER, route("embed.example", name="embed", service="embed"))
    outcome = await _take(_writer(place), *objects)
    assert (outcome.state, [p.id for p in outcome.problems]) == ("written", ["kube-several-hosts"])
    assert _there(place)
    again = await _take(_writer(place), *objects)
    assert (again.state, again.problems) == ("unchanged", outcome.problems)


async def test_what_is_wrong_elsewhere_does_not_keep_addresses_behind(place: Path) -> None:
    writer = _writer(place)
    await _take(writer, *CLUSTER)
    (place / "1.zone").write_text("$ORIGIN broken.example.\n@ SOA\n")
    assert (await _take(writer, gateway("203.0.113.11"), CLUSTER[1])).state == "written"
    (row,) = _there(place)["region"]["eu-west"]["endpoint"]
    assert row["address"] == ["203.0.113.11"]


async def test_a_zone_that_cannot_be_read_takes_no_hostname_away(place: Path) -> None:
    await _take(writer := _writer(place), *CLUSTER, balancer("192.0.2.77", service="chat"))
    (place / "0.zone").write_text("$ORIGIN inference.example.\n@ SOA\n")
    assert (await _take(writer, *CLUSTER)).state == "written", "as it was read before"
    fresh = await _take(_writer(place), *CLUSTER)
    assert (fresh.state, fresh.problems[0].file) == ("refused", str(place / "0.zone"))


@pytest.mark.parametrize("text", ["[server\n", "\xff"])
async def test_a_configuration_that_cannot_be_read_refuses_everything(
    place: Path, text: str
) -> None:
    await _take(_writer(place), *CLUSTER)
    (place / "resolverd.toml").write_bytes(text.encode("latin-1"))
    refused = await _take(_writer(place), *CLUSTER, insist=True)
    assert (refused.state, refused.fragment) == ("refused", None)
    assert _there(place)


async def test_a_dry_run_checks_and_writes_nothing(place: Path) -> None:
    assert (await _take(_writer(place), *CLUSTER, dry=True)).state == "checked"
    assert not (place / "resolverd.d").exists()
    await _take(_writer(place), *CLUSTER)
    before = _there(place)
    other = gateway("203.0.113.11")
    assert (await _take(_writer(place), other, CLUSTER[1], dry=True)).state == "checked"
    assert _there(place) == before


async def test_a_directory_that_is_not_there_is_said(place: Path) -> None:
    writer = _writer(place, target=place / "no" / "where" / "k.json")
    with pytest.raises(FragmentError, match=r"cannot be written: No such file or directory; see"):
        await _take(writer, *CLUSTER)


async def test_a_fragment_that_is_none_is_written_anew(place: Path) -> None:
    (place / "resolverd.d").mkdir()
    (place / "resolverd.d" / "k.json").write_text("[1")
    pooled = route("x.example", backend=RULES_POOL)
    assert (
        await _take(_writer(place), CLUSTER[0], pooled, pool(service="chat"))
    ).state == "written"


def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    for threads in (THREADS, WRITES):
        monkeypatch.setattr(threads, "limit", 1.0)


async def _answers_again() -> None:
    await until_holds(lambda: not (THREADS.hanging or WRITES.hanging), within=20)


async def test_a_disk_that_hangs_is_said_and_what_it_keeps_waiting_is_left(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a look nor the end of the process waits for it."""
    target = place / "disk" / "k.json"
    target.parent.mkdir()
    writer = _writer(place, target=target)
    with hanging_mount(target.parent):
        _hurry(monkeypatch)
        said = set()
        for objects in (CLUSTER, CLUSTER, ()):
            with pytest.raises(
                FragmentError, match="the disk does not answer; see that it"
            ) as found:
                await _take(writer, *objects)
            said.add(str(found.value))
        assert len(said) == 1
        async with asyncio.timeout(20):
            await asyncio.get_running_loop().shutdown_default_executor()
    monkeypatch.undo()
    await _answers_again()
    assert (await _take(writer, *CLUSTER)).state == "written"


async def test_a_fragment_that_is_held_stays_so_after_its_disk_has_hung(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = place / "disk" / "k.json"
    target.parent.mkdir()
    writer = _writer(place, target=target)
    with hanging_mount(target.parent):
        pass  # skips where it is not allowed
    await _take(writer, *CLUSTER)
    assert (await _take(writer)).state == "held"
    with hanging_mount(target.parent):
        _hurry(monkeypatch)
        for _ in range(2):
            with pytest.raises(FragmentError, match="cannot be read: the disk does not answer"):
                await _take(writer)
    monkeypatch.undo()
    await _answers_again()
    assert (await _take(writer)).state == "held"


async def test_fragments_on_a_disk_that_hangs_are_refused_in_the_same_words_each_time(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = _writer(place)
    (place / "resolverd.d").mkdir()
    with hanging_mount(place / "resolverd.d"):
        _hurry(monkeypatch)
        outcomes = [await _take(writer, *CLUSTER) for _ in range(2)]
    monkeypatch.undo()
    await _answers_again()
    assert outcomes[0] == outcomes[1]
    (problem,) = outcomes[0].problems
    assert (outcomes[0].state, problem.id) == ("refused", "config-unreadable")
    assert "the disk does not answer" in problem.message
    assert (await _take(writer, *CLUSTER)).state == "written"
