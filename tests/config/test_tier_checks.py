"""Pairs of an edge service and the core service behind it, as they are written."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness.config import config_text

from resolverd.config.fences import fences
from resolverd.config.load import load_config
from resolverd.config.model import Config
from resolverd.config.tiers import answering, answers, behind, service_of
from resolverd.errors import ConfigError

CORE = '[service.chat]\nregions = ["us-east", "us-west"]\n'
EDGE = '[service.edge]\nregions = ["eu-west", "us-west"]\ncore = "chat"\n'


@pytest.mark.parametrize(
    ("services", "check", "hint"),
    [
        (CORE + EDGE.replace('"chat"', '"chta"'), "config-core-unknown", "did you mean chat"),
        (CORE + EDGE.replace('"chat"', '"edge"'), "config-core-itself", 'core = "chat"'),
        (
            CORE + EDGE + '[service.far]\nregions = ["eu-west"]\ncore = "edge"\n',
            "config-core-chain",
            'write core = "chat"',
        ),
        (
            CORE + EDGE + 'answer = "cname"\n',
            "config-core-answer",
            'write answer = "address" in [service.edge]',
        ),
        (CORE + "core_fallback = false\n", "config-core-unused", "remove core_fallback"),
    ],
)
def test_what_does_not_fit_together_is_said_with_a_hint(
    tmp_path: Path, services: str, check: str, hint: str
) -> None:
    path = tmp_path / "resolverd.toml"
    path.write_text(config_text(services))
    try:
        problems = load_config(path).warnings
    except ConfigError as error:
        problems = error.problems
    (found,) = [problem for problem in problems if problem.id == check]
    assert hint in found.hint
    assert found.line > 0


def test_more_regions_than_one_service_may_have_are_too_many_together(tmp_path: Path) -> None:
    names = [f"r{number}" for number in range(256)]
    regions = "".join(
        f"[region.{name}]\ncoordinates = [1, 2]\n"
        f'endpoint = [{{ address = ["192.0.2.1"], url = "http://192.0.2.1" }}]\n'
        for name in names
    )
    services = (
        f"[service.chat]\nregions = {names[:200]}\n"
        f'[service.edge]\nregions = {names[200:]}\ncore = "chat"\n'
    ).replace("'", '"')
    path = tmp_path / "resolverd.toml"
    path.write_text(config_text(services + regions))
    with pytest.raises(ConfigError, match="service edge has 256 regions; 255 are the most"):
        load_config(path)
    path.write_text(config_text(services + "core_fallback = false\n" + regions))
    load_config(path)


def _config(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "resolverd.toml"
    path.write_text(config_text(text))
    return load_config(path).config


def test_who_stands_for_what_in_a_pair(tmp_path: Path) -> None:
    config = _config(tmp_path, CORE + EDGE)
    assert behind(config, "edge") == ("us-east",)
    assert answering(config, "edge") == ("eu-west", "us-west", "us-east")
    assert behind(config, "chat") == ()
    assert answers(config) == {"chat": "address", "edge": "address", "edge/core": "address"}
    assert service_of("edge/core", config) == "chat"
    assert service_of("edge", config) == "edge"
    assert service_of("chat/core", config) == "chat/core"
    assert behind(_config(tmp_path, CORE + EDGE + "core_fallback = false\n"), "edge") == ()


def test_a_fence_of_an_edge_service_counts_what_both_fences_allow_of_its_core(
    tmp_path: Path,
) -> None:
    """Not what the pins of either keep from the client."""
    pins = """
[pin.both]
countries = ["DE"]
regions = ["eu-west", "us-east"]
[pin.edges]
countries = ["FR"]
regions = ["eu-west", "us-west"]
services = ["edge"]
[pin.cores]
countries = ["IE"]
regions = ["us-west"]
services = ["chat"]
"""
    config = _config(tmp_path, CORE + EDGE + pins)
    found = {f.pins: f.regions for f in fences(config) if f.service == "edge"}
    assert found[()] == ("eu-west", "us-west", "us-east")
    assert found[("both",)] == ("eu-west", "us-east")
    assert found[("edges",)] == ("eu-west", "us-west")
    assert found[("cores",)] == ("eu-west", "us-west")
