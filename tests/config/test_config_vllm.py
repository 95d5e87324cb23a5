"""Models per region, and what a probe of kind vllm needs of a configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolverd.config.load import LoadedConfig, load_config
from resolverd.config.targets import probe_targets
from resolverd.errors import ConfigError, Problem
from resolverd.health.canary_cost import cost
from resolverd.health.probes.budget import TokenBudget

WORLD = """\
[server]
coordinates = [50.1, 8.7]
[probe]
kind = "vllm"
[region.eu]
coordinates = [1, 2]
[[region.eu.endpoint]]
address = ["192.0.2.1"]
url = "http://127.0.0.1:8000"
[region.asia]
coordinates = [3, 4]
[[region.asia.endpoint]]
address = ["192.0.2.2"]
url = "https://asia.example"
"""
CHAT = """\
[service.chat]
regions = ["eu", "asia"]
"""
BUDGET = "canary_tokens_per_hour"


def load(tmp_path: Path, text: str) -> LoadedConfig:
    path = tmp_path / "resolverd.toml"
    path.write_text(text)
    return load_config(path)


def problems_of(tmp_path: Path, text: str) -> list[tuple[int, str, str]]:
    def line_id_and_severity(problem: Problem) -> tuple[int, str, str]:
        return problem.line, problem.id, problem.severity

    try:
        return [line_id_and_severity(problem) for problem in load(tmp_path, text).warnings]
    except ConfigError as refused:
        return [line_id_and_severity(problem) for problem in refused.problems]


def models(loaded: LoadedConfig) -> dict[str, str]:
    return {id_: t.settings.asked_model for id_, t in probe_targets(loaded.config).by_id.items()}


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        ('model = "llama"\n', {"eu-1": "llama", "asia-1": "llama"}),
        (
            'model = "llama"\nmodels = { asia = "qwen" }\n',
            {"eu-1": "llama", "asia-1": "qwen"},
        ),
        ('models = { eu = "mistral", asia = "qwen" }\n', {"eu-1": "mistral", "asia-1": "qwen"}),
        (
            'model = "llama"\nprobe = { model = "alias" }\n',
            {"eu-1@chat": "alias", "asia-1@chat": "alias"},
        ),
    ],
)
def test_each_region_is_asked_for_its_model(
    tmp_path: Path, service: str, expected: dict[str, str]
) -> None:
    assert models(load(tmp_path, WORLD + CHAT + service)) == expected


def test_two_tiers_share_a_region_and_each_is_judged_by_its_own_model(tmp_path: Path) -> None:
    text = (
        f'{WORLD}[service.edge]\nmodel = "small"\nregions = ["eu", "asia"]\n'
        '[service.core]\nmodel = "large"\nregions = ["eu"]\n'
    )
    loaded = load(tmp_path, text)
    assert models(loaded) == {"eu-1": "small", "asia-1": "small", "eu-1@core": "large"}
    ids = probe_targets(loaded.config).ids
    assert ids[("edge", "eu")] == ("eu-1",)
    assert ids[("core", "eu")] == ("eu-1@core",)


def test_services_of_one_model_share_a_target(tmp_path: Path) -> None:
    text = (
        f'{WORLD}[service.a]\nmodel = "m"\nregions = ["eu"]\n'
        '[service.b]\nmodel = "m"\nregions = ["eu"]\n'
    )
    assert models(load(tmp_path, text)) == {"eu-1": "m"}


def test_other_kinds_of_probe_ask_for_no_model_and_share_a_target(tmp_path: Path) -> None:
    text = (
        f'{WORLD}[service.a]\nmodel = "m"\nregions = ["eu"]\n'
        '[service.b]\nmodel = "n"\nregions = ["eu"]\n'
    ).replace('kind = "vllm"', 'kind = "http"')
    assert models(load(tmp_path, text)) == {"eu-1": ""}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (WORLD + CHAT, [(15, "config-vllm-model", "error")]),
        (WORLD + CHAT + 'models = { eu = "m" }\n', [(15, "config-vllm-model", "error")]),
        (
            WORLD + CHAT + 'model = "m"\nmodels = { africa = "m" }\n',
            [(18, "config-unknown-region", "error")],
        ),
        (
            (WORLD + CHAT + 'model = "m"\n').replace(
                "https://asia.example", "tcp://asia.example:1"
            ),
            [(14, "config-probe", "error")],
        ),
        (
            (WORLD + CHAT + 'model = "m"\n')
            .replace('kind = "vllm"', 'kind = "vllm"\ncredential = "token"')
            .replace("https:", "http:"),
            [(15, "config-credential-clear", "warning")],
        ),
        (
            (WORLD + CHAT + 'model = "m"\n').replace(
                'kind = "vllm"', 'kind = "vllm"\ncredential = "some/token"'
            ),
            [(5, "config-value", "error")],
        ),
        (WORLD + CHAT + 'model = "m"\ncompare = ["color"]\n', [(18, "config-value", "error")]),
        (WORLD + CHAT + 'model = "m"\n', []),
    ],
)
def test_problems_have_a_place(
    tmp_path: Path, text: str, expected: list[tuple[int, str, str]]
) -> None:
    assert problems_of(tmp_path, text) == expected


@pytest.mark.parametrize(
    ("path", "kind", "service", "warned"),
    [
        ("/health", "http", 'model = "m"\n', True),
        ("/v1/models?x=1", "http", 'model = "m"\n', True),
        ("/health/liveliness", "http", 'models = { eu = "m", asia = "m" }\n', True),
        ("/health", "http", "", False),  # nobody knows that it is a model's
        ("/mine", "http", 'model = "m"\n', False),
        ("/health", "vllm", 'model = "m"\n', False),
    ],
)
def test_a_static_page_in_front_of_a_model_is_warned_of_once(
    tmp_path: Path, path: str, kind: str, service: str, warned: bool
) -> None:
    text = WORLD.replace('kind = "vllm"', f'kind = "{kind}"\npath = "{path}"') + CHAT + service
    found = [problem[1:] for problem in problems_of(tmp_path, text)]
    assert found == [("config-static-page", "warning")] * warned


@pytest.mark.parametrize("kind", ["vllm", "openai"])
@pytest.mark.parametrize(
    ("options", "expected", "least"),
    [
        (f'{BUDGET} = 5000\ncanary_prompt = "{"x" * 1000}"', "config-canary-budget", 10_030),
        (f'{BUDGET} = 5000\ncanary_prompt = "{"é" * 300}"', "config-canary-budget", 6030),
        (f"{BUDGET} = 1000\ncanary_max_tokens = 256", "config-canary-max-tokens", 2640),
    ],
)
def test_a_budget_that_holds_no_canary_is_told_with_the_least_that_does(
    tmp_path: Path, kind: str, options: str, expected: str, least: int
) -> None:
    text = WORLD.replace('kind = "vllm"', f'kind = "{kind}"\n{options}') + CHAT + 'model = "m"\n'
    severity = "warning" if expected == "config-canary-max-tokens" else "error"
    assert problems_of(tmp_path, text) == [(5, expected, severity)]
    given = next(line for line in text.splitlines() if line.startswith(BUDGET))
    enough, too_little = (text.replace(given, f"{BUDGET} = {n}") for n in (least, least - 1))
    assert expected in {id_ for _, id_, _ in problems_of(tmp_path, too_little)}
    assert expected not in {id_ for _, id_, _ in problems_of(tmp_path, enough)}


@pytest.mark.parametrize("most", [3, 16, 256])
def test_what_is_told_to_be_enough_holds_the_canary_that_follows_a_refused_one(
    tmp_path: Path, most: int
) -> None:
    given = f"{BUDGET} = 100\ncanary_max_tokens = {most}"
    text = WORLD.replace('kind = "vllm"', f'kind = "vllm"\n{given}') + CHAT + 'model = "m"\n'
    few, many = cost("Hi"), cost("Hi", most)
    budgets = ((n, TokenBudget(n, 0.0)) for n in range(100, 10_000))
    per_hour = next(n for n, b in budgets if b.spend(few, 0.0) and b.spend(many, 0.0))
    for told, expected in ((per_hour - 1, True), (per_hour, False)):
        found = problems_of(tmp_path, text.replace(f"{BUDGET} = 100", f"{BUDGET} = {told}"))
        assert [id_ for _, id_, _ in found] == ["config-canary-max-tokens"] * expected


def test_a_server_that_is_asked_for_two_tokens_alone_needs_no_budget_for_more(
    tmp_path: Path,
) -> None:
    given = f"{BUDGET} = 100\ncanary_max_tokens = 2"
    text = WORLD.replace('kind = "vllm"', f'kind = "vllm"\n{given}') + CHAT + 'model = "m"\n'
    assert problems_of(tmp_path, text) == []


def test_a_budget_is_too_small_where_the_prompt_is_written(tmp_path: Path) -> None:
    text = WORLD.replace('kind = "vllm"', f'kind = "vllm"\n{BUDGET} = 1000')
    prompt = f'probe = {{ canary_prompt = "{"x" * 100}" }}\n'
    text = text.replace("[region.asia]\n", f"[region.asia]\n{prompt}") + CHAT + 'model = "m"\n'
    assert problems_of(tmp_path, text) == [(12, "config-canary-budget", "error")]


@pytest.mark.parametrize(
    "option", ['metrics_url = "http://x.example"', 'workers = ["http://x.example"]']
)
def test_a_credential_that_goes_to_workers_in_the_clear_is_warned_of(
    tmp_path: Path, option: str
) -> None:
    probe = f'kind = "vllm"\ncredential = "/k"\n{option}'
    text = WORLD.replace('kind = "vllm"', probe) + CHAT + 'model = "m"\n'
    found = {problem[1] for problem in problems_of(tmp_path, text)}
    assert found == {"config-credential-clear"}


@pytest.mark.parametrize("option", ['metrics_url = "tcp://x:1"', 'workers = ["x:8000"]'])
def test_metrics_are_read_over_http(tmp_path: Path, option: str) -> None:
    text = WORLD.replace('kind = "vllm"', f'kind = "vllm"\n{option}') + CHAT + 'model = "m"\n'
    (found,) = problems_of(tmp_path, text)
    assert found[2] == "error"


@pytest.mark.parametrize(
    ("written", "right"),
    [
        ('metrics_url = "gpu:8000/metrics"', 'metrics_url = "http://gpu:8000/metrics"'),
        ('metrics_url = "tcp://gpu:1"', 'metrics_url = "http://192.0.2.10:8000/metrics"'),
        ('metrics_url = "u:secret@gpu"', 'metrics_url = "http://192.0.2.10:8000/metrics"'),
        ('workers = ["HTTPS://a", "b:1"]', 'workers = ["https://a", "http://b:1"]'),
    ],
)
def test_a_url_without_a_scheme_is_said_with_one(tmp_path: Path, written: str, right: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, WORLD.replace("[region.eu]", f"{written}\n[region.eu]") + CHAT)
    (hint,) = (p.hint for p in refused.value.problems if p.id == "config-value")
    assert hint == f"write {right}"
