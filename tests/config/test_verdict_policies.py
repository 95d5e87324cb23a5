"""`verdicts`: whose counts for which target, and what is refused of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness.config import config_text

from resolverd.config.load import load_config
from resolverd.config.targets import probe_targets
from resolverd.config.verdict_policies import policies_of
from resolverd.errors import ConfigError

FLEET = '[fleet]\nurls = ["nats://127.0.0.1:4222"]\nedge = "fra1"\n'
CHAT = '[service.chat]\nregions = ["us-east", "eu-west"]\n'
MORE = '[service.more]\nregions = ["eu-west", "us-west"]\n'


def written(folder: Path, text: str, region: str = "") -> Path:
    path = folder / "resolverd.toml"
    whole = config_text(text)
    path.write_text(whole.replace("[region.eu-west]\n", f"[region.eu-west]\n{region}"))
    return path


def policies(folder: Path, text: str, region: str = "") -> dict[str, str]:
    """The policies by target, as words."""
    config = load_config(written(folder, text, region)).config
    found = policies_of(config, probe_targets(config))
    return {id_: f"{p.kind}:{p.edges}" for id_, p in found.items()}


def test_the_narrowest_that_is_written_counts(tmp_path: Path) -> None:
    text = FLEET + 'verdicts = "any"\n' + CHAT + 'verdicts = "nearest:3"\n'
    assert policies(tmp_path, text, 'verdicts = "quorum:2"\n') == {
        "us-east-1": "nearest:3",
        "eu-west-1": "quorum:2",
    }


def test_a_plain_quorum_is_the_fleets(tmp_path: Path) -> None:
    assert policies(tmp_path, FLEET + "quorum = 4\n" + CHAT)["us-east-1"] == "quorum:4"
    assert policies(tmp_path, FLEET + CHAT)["us-east-1"] == "quorum:0"
    written_out = FLEET + 'quorum = 4\nverdicts = "quorum:2"\n' + CHAT
    assert policies(tmp_path, written_out)["us-east-1"] == "quorum:2"


def test_services_that_share_probes_have_to_say_the_same_there(tmp_path: Path) -> None:
    text = FLEET + CHAT + 'verdicts = "own"\n' + MORE
    with pytest.raises(ConfigError) as refused:
        load_config(written(tmp_path, text))
    (problem,) = [p for p in refused.value.problems if p.severity == "error"]
    assert problem.id == "config-verdicts-shared"
    assert "services chat and more share the probes of region eu-west" in str(problem)
    assert 'write verdicts = "own" in [region.eu-west]' in str(problem)
    assert policies(tmp_path, text, 'verdicts = "own"\n') == {
        "us-east-1": "own:0",
        "eu-west-1": "own:0",
        "us-west-1": "quorum:0",
    }


def test_services_with_probes_of_their_own_may_differ(tmp_path: Path) -> None:
    own = MORE + 'verdicts = "any"\n[service.more.probe]\npath = "/more"\n'
    assert policies(tmp_path, FLEET + CHAT + own) == {
        "us-east-1": "quorum:0",
        "eu-west-1": "quorum:0",
        "eu-west-1@more": "any:0",
        "us-west-1@more": "any:0",
    }


def test_without_a_fleet_it_is_said_to_have_no_effect(tmp_path: Path) -> None:
    warnings = load_config(written(tmp_path, CHAT + 'verdicts = "any"\n')).warnings
    assert "config-verdicts-unused" in [problem.id for problem in warnings]
    fleet = load_config(written(tmp_path, FLEET + CHAT + 'verdicts = "any"\n')).warnings
    assert "config-verdicts-unused" not in [problem.id for problem in fleet]
