"""The caret stands under the wrong value, however its document is laid out."""

from __future__ import annotations

import copy
import itertools
import json
import random
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resolverd.config.load import load_config
from resolverd.errors import ConfigError, Problem

Place = tuple[str | int, ...]

WRONG = "wr!ng"
GOOD: dict[str, Any] = {
    "server": {"coordinates": [50.1, 8.7], "listen": ["192.0.2.53:53", "192.0.2.54:53"]},
    "probe": {"interval": "5s", "headers": {"A.b": "c"}},
    "region": {
        name: {
            "coordinates": [1, 2],
            "gpus": {"model": "H100_SXM", "count": 2},
            "endpoint": [
                {"address": [f"192.0.2.{n}0"], "url": "http://gpu.example"},
                {"address": [f"192.0.2.{n}1"], "url": "http://gpu.example"},
            ],
        }
        for n, name in enumerate(("a", "eu.west"), 1)
    },
    "service": {"s": {"regions": ["a", "eu.west"], "ttl": "60s", "spill": {"max_ratio": 0.5}}},
    "pin": {"p": {"subnets": ["198.51.100.0/24", "203.0.113.0/24"], "regions": ["a"]}},
}
PLACES: list[Place] = [
    ("server", "coordinates"),
    ("server", "listen", 0),
    ("server", "listen", 1),
    ("server", "udp_payload"),
    ("probe", "kind"),
    ("probe", "interval"),
    ("region", "eu.west", "country"),
    ("region", "a", "gpus", "count"),
    ("region", "eu.west", "endpoint", 1, "url"),
    ("region", "a", "endpoint", 0, "address", 0),
    ("region", "a", "endpoint", 1, "probe", "timeout"),
    ("service", "s", "ttl"),
    ("service", "s", "regions", 1),
    ("service", "s", "spill", "max_ratio"),
    ("pin", "p", "subnets", 1),
    ("pin", "p", "countries", 0),
    ("pin", "p", "services", 0),
    ("pin", "p", "default"),
]


def _put(node: Any, place: Place, value: Any) -> None:
    for part, following in itertools.pairwise(place):
        if isinstance(node, dict) and part not in node:
            node[part] = [] if isinstance(following, int) else {}
        node = node[part]
    if isinstance(node, list) and place[-1] == len(node):
        node.append(value)
    else:
        node[place[-1]] = value


class _Layout:
    """A TOML document of a tree, laid out by chance: headers, dots, lines, quotes, comments."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance

    def document(self, tree: dict[str, Any]) -> str:
        rows, tables = self._table((), tree)
        return "\n".join([*rows, *tables]) + "\n"

    def _table(self, path: tuple[str, ...], table: dict[str, Any]) -> tuple[list[str], list[str]]:
        """Rows of the table itself, and of the tables below it that have their own headers."""
        rows: list[str] = []
        below: list[str] = []
        for key, value in table.items():
            inner = (*path, key)
            if isinstance(value, dict) and (not path or self.chance.random() < 0.5):
                own, further = self._table(inner, value)
                below += ["", f"[{self._dotted(inner)}]{self._comment()}", *own, *further]
            elif isinstance(value, dict) and self.chance.random() < 0.5:
                rows += [f"{self._key(key)}.{row}" for row in self._dots(value)]
            elif key == "endpoint" and self.chance.random() < 0.7:
                for element in value:
                    own, further = self._table(inner, element)
                    below += ["", f"[[{self._dotted(inner)}]]", *own, *further]
            else:
                indent = " " * self.chance.choice([0, 0, 3])
                equals = self.chance.choice([" = ", "=", "  =\t"])
                text = self._value(value, wide=True)
                rows.append(f"{indent}{self._key(key)}{equals}{text}{self._comment()}")
        return rows, below

    def _dots(self, table: dict[str, Any]) -> list[str]:
        return [f"{self._key(key)} = {self._value(value)}" for key, value in table.items()]

    def _value(self, value: Any, *, wide: bool = False) -> str:
        if isinstance(value, dict):
            pairs = (f"{self._key(key)} = {self._value(inner)}" for key, inner in value.items())
            return f"{{ {', '.join(pairs)} }}"
        if isinstance(value, list):
            if wide and value and self.chance.random() < 0.5:
                rows = "".join(f"  {self._value(element)},{self._comment()}\n" for element in value)
                return f"[{self._comment()}\n{rows}]"
            return f"[{', '.join(map(self._value, value))}]"
        if isinstance(value, str):
            return f"'{value}'" if self.chance.random() < 0.3 else json.dumps(value)
        return json.dumps(value)

    def _key(self, key: str) -> str:
        plain = key.replace("_", "").replace("-", "").isalnum()
        return key if plain and self.chance.random() < 0.8 else f'"{key}"'

    def _dotted(self, path: tuple[str, ...]) -> str:
        return self.chance.choice([".", ".", " . "]).join(map(self._key, path))

    def _comment(self) -> str:
        return self.chance.choice(["", "", f'  # "{WRONG}" = [ {{'])


def _problems(text: str) -> tuple[Problem, ...]:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "resolverd.toml")
        path.write_text(text)
        try:
            return load_config(path).warnings
        except ConfigError as refused:
            return refused.problems


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(PLACES), st.integers(0, 2**32))
def test_the_caret_is_under_the_wrong_value(place: Place, seed: int) -> None:
    tree = copy.deepcopy(GOOD)
    _put(tree, place, WRONG)
    text = _Layout(random.Random(seed)).document(tree)
    [problem] = [p for p in _problems(text) if p.severity == "error"]
    line = text.split("\n")[problem.line - 1]
    assert line[problem.column - 1 :].startswith((f'"{WRONG}"', f"'{WRONG}'")), str(problem)
    assert len(problem.source) == len(line)
    shown, row = str(problem).split("\n")[1:3]
    assert shown[row.index("^")] in "\"'", "its quotation mark, as secrets are masked"


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32))
def test_the_layouts_are_of_a_good_configuration(seed: int) -> None:
    text = _Layout(random.Random(seed)).document(GOOD)
    assert [p for p in _problems(text) if p.severity == "error"] == []


@pytest.mark.parametrize(
    ("line", "blanks"),
    [
        ('"\u4e1c\u4eac" = 1', 0),
        ('x."\u4e1c\u4eac".y = 1', 9),  # two columns each
        ('x."e\u0301".y = 1', 6),  # an accent that combines has no column
        ("\tx.y = 1", 3),
    ],
)
def test_the_caret_stands_where_a_terminal_shows_the_value(line: str, blanks: int) -> None:
    column = line.index("y") + 1 if "y" in line else 1
    row = str(Problem("f", 1, column, "id", "message", source=line)).split("\n")[2]
    assert row == "    " + ("\t" + "  " if "\t" in line else " " * blanks) + "^"


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ("[server]\nttl_floor = \"10s\"", ['service.s.failover_ttl = "5s"']),
        ("[service.s]\nfailover_ttl = \"500ms\"", []),
        ("[service.s]\nfailover_ttl = \"0s\"", ['server.ttl_floor = "1s"']),
        ("[service.s]\nttl = \"2s\"", ['service.s.failover_ttl = "5s"']),
        ("[service.s]\nfailover_ttl = \"2m\"", ['service.s.ttl = "60s"']),
        ("[service.s]\nweights = { a = 2 }", ['service.s.policy = "nearest"']),
        ("[service.s]\nmodel = \"m\"", ['probe.kind = "http"', 'probe.path = "/health"']),
        ("[service.s.spill]\nmax_ratio = 0.05", ["service.s.spill.step = 0.1"]),
        ("[service.s.spill]\nstep = 0.6", ["service.s.spill.max_ratio = 0.5"]),
        ("[service.s.spill]\ndwell = \"5s\"", ['service.s.ttl = "60s"']),
        ("[service.s.spill]\nend = 1.5", ["service.s.spill.start = 1"]),
        ("[probe]\ninterval = \"500ms\"", ['probe.fast_interval = "1s"']),
        ("[probe]\nfast_interval = \"10s\"", ['probe.interval = "5s"']),
        ("[region.a.probe]\nfast_interval = \"10s\"", ['probe.interval = "5s"']),
        ("[probe]\ntimeout = \"10s\"", ['server.isolation_window = "15s"']),
        ("[server]\nisolation_window = \"3s\"", ['probe.timeout = "2s"']),
        ("[alerts]\ngpu_high = 0.2", ["alerts.gpu_low = 0.3"]),
        ("[region.a.alerts]\ngpu_high = 0.2", ["alerts.gpu_low = 0.3"]),
        ("[server]\nlisten = [\"127.0.0.1:9153\"]", ['admin.listen = "127.0.0.1:9153"']),
        ("[admin]\nlisten = \"0.0.0.0:53\"", ['server.listen = ["0.0.0.0:53", "[::]:53"]']),
        ("[[region.a.endpoint]]\naddress = [\"192.0.2.2\"]\nurl = \"tcp://192.0.2.2:1\"",
         ['probe.kind = "http"']),
    ],
)  # fmt: skip
def test_a_default_that_a_problem_follows_from_is_named(extra: str, said: list[str]) -> None:
    """Each is named as one that nobody wrote, and what is written is not."""
    head, _, rest = extra.partition("\n")
    base = (
        "[server]\ncoordinates = [1, 2]\n[region.a]\ncoordinates = [1, 2]\n[[region.a.endpoint]]\n"
        'address = ["192.0.2.1"]\nurl = "http://gpu.example"\n[service.s]\nregions = ["a"]\n'
    )
    text = base.replace(f"{head}\n", f"{extra}\n") if f"\n{head}\n" in f"\n{base}" else base + extra
    if head.startswith("[[") or rest.startswith("listen"):
        text = base + extra if head != "[server]" else base.replace(head, extra, 1)
    found = [p for p in _problems(text) if p.id != "config-admin-exposed"]
    assert found
    named = [part for p in found for part in p.message.split("; ") if part.endswith("wrote it")]
    ends = " is the default: nobody wrote it"
    assert list(dict.fromkeys(named)) == [f"{option}{ends}" for option in said]


@pytest.mark.parametrize("at", [0, 1, 60, 200, 399, 998, 999])
def test_of_a_long_line_what_is_about_the_caret_is_shown(at: int) -> None:
    line = "x" * at + "!" + "x" * (999 - at)
    _, shown, caret = str(Problem("f", 1, at + 1, "id", "m", source=line)).split("\n")
    assert shown[caret.index("^")] == "!"
    assert len(shown) <= 4 + 120 + 2
    assert (shown[4] == "…", shown[-1] == "…") == (at > 60, at < 940)
