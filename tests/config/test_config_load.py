"""The configuration: every problem at once, each with its place and its hint."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolverd.config.load import LoadedConfig, load_config
from resolverd.config.targets import probe_targets
from resolverd.errors import ConfigError, Problem
from resolverd.health.kinds.http import HttpProbe

GOOD = """\
[server]
coordinates = [50.1, 8.7]
[region.a]
coordinates = [1, 2]
[[region.a.endpoint]]
address = ["192.0.2.1"]
url = "http://192.0.2.1"
[region.b]
coordinates = [3, 4]
[[region.b.endpoint]]
address = ["192.0.2.2"]
url = "https://b.example"
[service.s]
regions = ["a", "b"]
"""


def load(tmp_path: Path, text: str) -> LoadedConfig:
    path = tmp_path / "resolverd.toml"
    path.write_text(text)
    return load_config(path)


def problems_of(tmp_path: Path, text: str) -> tuple[Problem, ...]:
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, text)
    return refused.value.problems


def placed(problem: Problem) -> tuple[int, int, str]:
    return problem.line, problem.column, problem.id


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("coordinates = [50.1, 8.7]\n", "", [(1, 1, "config-missing")]),
        ("[50.1, 8.7]", "[91, 8.7]", [(2, 15, "config-value")]),
        ("[server]\n", '[server]\nlisten = ["x"]\n', [(2, 11, "config-value")]),
        ("[server]\n", "[server]\nlisen = []\n", [(2, 1, "config-unknown-key")]),
        ("[server]\n", "[server]\nudp_payload = 9000\n", [(2, 15, "config-value")]),
        ("[server]\n", "[servr]\n[server]\n", [(1, 2, "config-unknown-key")]),
        ('"192.0.2.1"]', '"192.0.2.256"]', [(6, 12, "config-value")]),
        ('"http://192.0.2.1"', '"ftp://192.0.2.1"', [(7, 7, "config-value")]),
        ('["a", "b"]', '["a", "c"]', [(14, 17, "config-unknown-region")]),
        ('["a", "b"]', '["a", "a"]', [(14, 17, "config-duplicate-region")]),
        ('["a", "b"]', "[]", [(14, 11, "config-no-region")]),
        (
            "[service.s]\n",
            '[service.s]\nttl = "1s"\nfailover_ttl = "5s"\n',
            [(15, 16, "config-value")],
        ),
        (
            "[service.s]\n",
            '[service.s]\nanswer = "cname"\n',
            [(3, 1, "config-cname-hostname"), (8, 1, "config-cname-hostname")],
        ),
        ("[region.b]\n", "[region.b]\nmin_endpoints = 2\n", [(9, 17, "config-min-endpoints")]),
        ("[service.s]\n", "[service.s.spill]\nend = 1.0\n[service.s]\n", [(14, 7, "config-value")]),
        ("[service.s]\n", "[service.s]\nspill = { max_ratio = 1.1 }\n", [(14, 23, "config-value")]),
        ("[service.s]\n", "[alerts]\ngpu_low = 0.9\n[service.s]\n", [(14, 11, "config-value")]),
        (
            "[service.s]\n",
            '[alerts]\ndegrade = ["failovers"]\n[service.s]\n',
            [(14, 12, "config-value")],
        ),
        (
            "[region.b]\n",
            "[region.b]\nalerts = { gpu_high = 0.2 }\n",
            [(9, 23, "config-alerts-contradict")],
        ),
        (
            "[region.b]\n",
            '[region.b]\ngpu_metrics = ["ftp://h/metrics"]\n',
            [(9, 16, "config-value")],
        ),
        (
            "[region.b]\n",
            '[region.b]\nprobe = { fast_interval = "1h" }\n',
            [(9, 27, "config-probe")],
        ),
        ('"http://192.0.2.1"', '"http://[x"', [(7, 7, "config-value")]),
        ('"http://192.0.2.1"', '"http://:80"', [(7, 7, "config-value")]),
        ('"http://192.0.2.1"', '"http://h:99999"', [(7, 7, "config-value")]),
        ('"http://192.0.2.1"', '"tcp://192.0.2.1"', [(7, 7, "config-value")]),
        ('"http://192.0.2.1"', '"tcp://192.0.2.1:80"', [(7, 7, "config-probe")]),
        ("[service.s]\n", '[pin.p]\nregions = ["a"]\n[service.s]\n', [(13, 1, "config-pin-empty")]),
        (
            "[service.s]\n",
            '[pin.p]\nregions = ["a"]\ncountries = ["IE"]\n'
            '[pin.q]\nregions = ["b"]\ncountries = ["IE"]\n[service.s]\n',
            [(18, 14, "config-pin-overlap")],
        ),
        (
            "[service.s]\n",
            '[pin.p]\nregions = ["z"]\nsubnets = ["10.1.0.0/8"]\nservices = ["t"]\n[service.s]\n',
            [
                (14, 12, "config-unknown-region"),
                (15, 12, "config-value"),
                (16, 13, "config-unknown-service"),
            ],
        ),
        ("[region.a]", "[region.a", [(3, 10, "config-syntax")]),
    ],
)  # fmt: skip
def test_each_mistake_is_reported_at_its_place(
    tmp_path: Path, old: str, new: str, expected: list[tuple[int, int, str]]
) -> None:
    assert old in GOOD
    assert [placed(p) for p in problems_of(tmp_path, GOOD.replace(old, new, 1))] == expected


def test_every_mistake_is_reported_at_once(tmp_path: Path) -> None:
    text = (
        GOOD.replace("[50.1, 8.7]", '"here"')
        .replace('["a", "b"]', '["a", "c"]\npolcy = "nearest"')
        .replace('url = "https://b.example"', 'url = "https://b.example"\nweight = 3')
    )
    found = problems_of(tmp_path, text)
    assert [p.id for p in found] == [
        "config-value",
        "config-unknown-key",
        "config-unknown-region",
        "config-unknown-key",
    ]
    assert "did you mean policy?" in found[3].hint
    assert all(p.source for p in found)


@pytest.mark.parametrize(
    ("text", "path", "renamed"),
    [
        (
            GOOD.replace("[server]\n", '[server]\ndoubt = "15s"\n', 1),
            "server.doubt",
            "isolation_window",
        ),
        (f"{GOOD}\n[service.chat.spill]\nmost = 0.5\n", "service.chat.spill.most", "max_ratio"),
    ],
)
def test_an_option_that_was_renamed_is_an_error_that_says_its_new_name(
    tmp_path: Path, text: str, path: str, renamed: str
) -> None:
    (found,) = [p for p in problems_of(tmp_path, text) if p.id == "config-unknown-key"]
    assert found.message == f"{path} is called {renamed} now"
    assert found.hint == f"write {renamed} instead of {path.rpartition('.')[2]}"


def test_a_missing_file_is_a_problem_not_a_traceback(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="config-unreadable"):
        load_config(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("old", "new", "check"),
    [
        (
            "[service.s]\n",
            '[pin.p]\nregions=["a"]\nsubnets=["10.0.0.0/25"]\n[service.s]\n',
            "config-pin-narrow",
        ),
        ("[service.s]\n", '[service.s]\nspill = { dwell = "9s" }\n', "config-spill-dwell"),
        ("[service.s]\n", "[service.s]\nspill = { step = 0.6 }\n", "config-spill-step"),
        (
            "[service.s]\n",
            '[service.t]\nregions=["b"]\n'
            '[pin.p]\nregions=["a"]\ncountries=["IE"]\n[service.s]\n',
            "config-pin-refuses",
        ),
        ("[service.s]\n", "[service.s]\nweights = { a = 2 }\n", "config-weights-unused"),
        (
            "[service.s]\n",
            '[service.s]\npolicy = "ttft"\nspill = { end = 0.6 }\n',
            "config-spill-unused",
        ),
        (
            "[service.s]\n",
            '[service.t]\nregions=["b"]\ntrickle = 0.01\n[service.s]\n',
            "config-trickle-unused",
        ),
        ("[service.s]\n", '[service.s]\nsticky = "60s"\n', "config-sticky-short"),
        (
            "[service.s]\n",
            '[service.s]\nsticky = "30m"\nspill = { step = 0.2 }\n',
            "config-sticky-spill",
        ),
        ("[server]\n", '[server]\nisolation_window = "3s"\n', "config-isolation-window-short"),
    ],
)  # fmt: skip
def test_what_is_odd_but_legal_is_a_warning(tmp_path: Path, old: str, new: str, check: str) -> None:
    assert [p.id for p in load(tmp_path, GOOD.replace(old, new, 1)).warnings] == [check]


@pytest.mark.parametrize(
    ("a", "b", "pin", "message"),
    [
        ("sat 08:00-12:00", "", "", None),
        ("06:00-18:00", "18:00-06:00", "", None),
        ("06:00-18:00", "19:00-06:00", "", "no region of service s has hours at 18:00 UTC on "),
        ("", "06:00-18:00", "b", "no region of service s under pin p has hours at 00:00 UTC on "),
    ],
)
def test_a_week_with_a_time_at_which_no_region_has_hours_is_warned_of(
    tmp_path: Path, a: str, b: str, pin: str, message: str | None
) -> None:
    text = GOOD
    for name, hours in (("a", a), ("b", b)):
        written = f'[region.{name}]\nhours = ["{hours}"]\n' if hours else f"[region.{name}]\n"
        text = text.replace(f"[region.{name}]\n", written)
    if pin:
        text += f'[pin.p]\nregions = ["{pin}"]\ncountries = ["IE"]\n'
    warnings = load(tmp_path, text).warnings
    assert [p.id for p in warnings] == (["config-hours-gap"] if message else [])
    assert all(p.message.startswith(message or "") for p in warnings)


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("Europe/Dubin", 'write time_zone = "Europe/Dublin"'),
        ("europe/berlin", 'write time_zone = "Europe/Berlin"'),
        ("-", 'write time_zone = "UTC"'),
    ],
)
def test_a_time_zone_that_is_none_is_told_the_nearest(
    tmp_path: Path, written: str, hint: str
) -> None:
    path = tmp_path / "resolverd.toml"
    path.write_text(f'[region.a]\ntime_zone = "{written}"\n')
    with pytest.raises(ConfigError) as refused:
        load_config(path)
    assert hint in [problem.hint for problem in refused.value.problems]


@pytest.mark.parametrize("line", ['hours = ["monday 8-12"]', 'time_zone = "Mars/Olympus"'])
def test_hours_that_are_none_are_refused(tmp_path: Path, line: str) -> None:
    (problem,) = problems_of(tmp_path, GOOD.replace("[region.a]\n", f"[region.a]\n{line}\n"))
    assert problem.id == "config-value"


def test_fragments_add_regions_endpoints_and_service_regions(tmp_path: Path) -> None:
    fragments = tmp_path / "resolverd.d"
    fragments.mkdir()
    (fragments / "c.toml").write_text(
        '[region.c]\ncoordinates = [5, 6]\n[[region.c.endpoint]]\naddress = ["192.0.2.3"]\n'
        'url = "http://c.example"\n[service.s]\nregions = ["c"]\n'
    )
    (fragments / "a2.toml").write_text(
        '[[region.a.endpoint]]\naddress = ["192.0.2.9"]\nurl = "http://a2.example"\n'
    )
    config = load(tmp_path, GOOD).config
    assert config.service["s"].regions == ("a", "b", "c")
    assert [e.address[0] for e in config.region["a"].endpoint] == ["192.0.2.1", "192.0.2.9"]


def test_a_fragment_may_not_say_again_what_is_said_nor_set_the_server(tmp_path: Path) -> None:
    fragments = tmp_path / "resolverd.d"
    fragments.mkdir()
    (fragments / "x.toml").write_text("[server]\nworkers = 2\n[region.a]\ncoordinates = [9, 9]\n")
    found = problems_of(tmp_path, GOOD)
    assert [(Path(p.file).name, p.line, p.id) for p in found] == [
        ("x.toml", 1, "config-fragment-table"),
        ("x.toml", 4, "config-said-twice"),
    ]


def test_the_problem_of_a_fragment_points_into_the_fragment(tmp_path: Path) -> None:
    fragments = tmp_path / "resolverd.d"
    fragments.mkdir()
    (fragments / "a2.toml").write_text(
        '[[region.a.endpoint]]\naddress = ["nope"]\nurl = "http://a2.example"\n'
    )
    (found,) = problems_of(tmp_path, GOOD)
    assert (Path(found.file).name, found.line, found.column) == ("a2.toml", 2, 12)


def test_overrides_lie_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "resolverd.toml"
    path.write_text(GOOD)
    overrides = [("server.workers", 3), ("region.a.endpoint.0.url", "http://127.0.0.1:1")]
    config = load_config(path, overrides).config
    assert config.server.workers == 3
    assert config.region["a"].endpoint[0].url == "http://127.0.0.1:1"


def test_a_wrong_override_is_blamed_on_the_command_line(tmp_path: Path) -> None:
    path = tmp_path / "resolverd.toml"
    path.write_text(GOOD)
    with pytest.raises(ConfigError) as refused:
        load_config(path, [("region.a.coordinates", [91, 0])])
    (found,) = refused.value.problems
    assert (found.file, found.source) == ("--set", "region.a.coordinates=[91, 0]")


@pytest.mark.parametrize(
    ("key", "value"), [("region.1.capacity", -2), ("region.1.endpoint.0.url", "x")]
)
def test_a_wrong_override_of_a_name_of_digits_is_blamed_on_the_command_line(
    tmp_path: Path, key: str, value: object
) -> None:
    path = tmp_path / "resolverd.toml"
    path.write_text(GOOD.replace("region.a", "region.1").replace('"a"', '"1"'))
    with pytest.raises(ConfigError) as refused:
        load_config(path, [(key, value)])
    (found,) = refused.value.problems
    assert (found.file, found.source) == ("--set", f"{key}={value}")


@pytest.mark.parametrize("index", ["-1", "9", "²", "x"])
def test_an_override_of_an_element_that_is_not_there_is_refused(tmp_path: Path, index: str) -> None:
    path = tmp_path / "resolverd.toml"
    path.write_text(GOOD)
    with pytest.raises(ConfigError) as refused:
        load_config(path, [(f"service.s.regions.{index}", "a")])
    assert [problem.id for problem in refused.value.problems] == ["config-override"]


def test_probe_layers_override_from_broad_to_narrow(tmp_path: Path) -> None:
    text = (
        GOOD.replace("[region.a]\n", '[probe]\nfall = 4\nrise = 4\npath = "/p"\n[region.a]\n'
        'probe = { rise = 5, path = "/r" }\n', 1)
        .replace('"http://192.0.2.1"\n', '"http://192.0.2.1"\nprobe = { path = "/e" }\n')
        .replace("[service.s]\n", "[service.s]\nprobe = { fall = 6, rise = 6 }\n")
        + '[service.t]\nregions = ["a"]\n'
    )  # fmt: skip
    targets = probe_targets(load(tmp_path, text).config)
    assert targets.ids[("s", "a")] == ("a-1@s",)
    assert targets.ids[("t", "a")] == ("a-1",)
    judged_for_s, judged_for_t = targets.by_id["a-1@s"].settings, targets.by_id["a-1"].settings
    assert isinstance(judged_for_s, HttpProbe)
    assert isinstance(judged_for_t, HttpProbe)
    assert (judged_for_s.fall, judged_for_s.rise, judged_for_s.path) == (6, 5, "/e")
    assert (judged_for_t.fall, judged_for_t.rise, judged_for_t.path) == (4, 5, "/e")


@pytest.mark.parametrize("number", ["inf", "nan", "-inf", "1e999"])
@pytest.mark.parametrize("option", ["capacity", "gpu_metric_full"])
def test_no_option_is_infinite(tmp_path: Path, option: str, number: str) -> None:
    path = tmp_path / "resolverd.toml"
    written = f"{option} = {number}\n"
    path.write_text(GOOD.replace("[region.a]\n", f"[region.a]\n{written}", 1))
    with pytest.raises(ConfigError) as refused:
        load_config(path)
    assert [p.id for p in refused.value.problems if p.source == written.strip()] == ["config-value"]


def test_coordinates_beyond_all_numbers_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "resolverd.toml"
    path.write_text(f"[server]\ncoordinates = [1{'0' * 400}, 1]\n")
    with pytest.raises(ConfigError) as refused:
        load_config(path)
    assert any("latitude lies in" in problem.message for problem in refused.value.problems)


@pytest.mark.parametrize("port", ["²", "٣", "1" * 5000, "", "65536"])
def test_a_port_is_written_in_ascii_digits(tmp_path: Path, port: str) -> None:
    path = tmp_path / "resolverd.toml"
    path.write_text(GOOD.replace("[server]\n", f'[server]\nlisten = ["0.0.0.0:{port}"]\n'))
    with pytest.raises(ConfigError) as refused:
        load_config(path)
    (found,) = [problem for problem in refused.value.problems if problem.severity == "error"]
    assert "is not ADDRESS:PORT" in found.message or "is over 65535" in found.message


@pytest.mark.parametrize(
    ("weights", "right"),
    [
        ("a = -1, b = 2", "{ a = 0, b = 2 }"),
        ("a = 0, b = 0", "{ a = 1, b = 0 }"),
        (f"a = {2**53 + 1}, b = 2", "{ a = 1000000, b = 1 }"),
        (f"a = 1{'0' * 400}, b = 0", "{ a = 1000000, b = 0 }"),
        # The shares that are proposed are those that were written.
        (f"a = 4{'0' * 20}, b = 1{'0' * 20}", "{ a = 1000000, b = 250000 }"),
        (f"a = {2**53}, b = 0", ""),
        ("a = 4000000, b = 1048575", ""),
    ],
)
def test_weights_have_a_range(tmp_path: Path, weights: str, right: str) -> None:
    text = f'{GOOD}policy = "weighted"\nweights = {{ {weights} }}\n'
    found = problems_of(tmp_path, text) if right else load(tmp_path, text).warnings
    hints = [p.hint for p in found if p.id == "config-weights"]
    assert hints == ([f"write weights = {right}"] if right else [])
