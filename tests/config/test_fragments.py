"""`resolverd.d`: what of it is read, in which order, what adds up and what may not stand twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolverd.config.load import load_config
from resolverd.config.targets import endpoint_name
from resolverd.errors import ConfigError, Problem

MAIN = """\
[server]
coordinates = [50.1, 8.7]
[region.a]
coordinates = [1, 2]
[[region.a.endpoint]]
address = ["192.0.2.1"]
url = "http://gpu.example"
[service.s]
regions = ["a"]
"""


def write(folder: Path, **fragments: str) -> Path:
    """The file, and its fragments by name; ``__`` in one is a dot."""
    path = folder / "resolverd.toml"
    path.write_text(MAIN)
    for name, text in fragments.items():
        fragment = folder / "resolverd.d" / name.replace("__", ".")
        fragment.parent.mkdir(exist_ok=True)
        fragment.write_text(text)
    return path


def region(name: str, address: str) -> str:
    """A fragment that registers a region."""
    return (
        f"[region.{name}]\ncoordinates = [3, 4]\n{endpoint(name, address)}"
        f'[service.s]\nregions = ["{name}"]\n'
    )


def endpoint(name: str, address: str) -> str:
    """One more endpoint of a region."""
    return f'[[region.{name}.endpoint]]\naddress = ["{address}"]\nurl = "http://gpu.example"\n'


def refused(path: Path) -> Problem:
    """The one problem with the files."""
    with pytest.raises(ConfigError) as error:
        load_config(path)
    [problem] = [p for p in error.value.problems if p.severity == "error"]
    return problem


def test_they_add_regions_and_endpoints_in_the_order_of_their_names(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        **{
            "20-c__toml": region("c", "192.0.2.3"),
            "10-b__toml": region("b", "192.0.2.2") + endpoint("a", "192.0.2.11"),
            "15-a__toml": endpoint("a", "192.0.2.12"),
            "__hidden__toml": "not [ TOML",
            "c__toml~": "not [ TOML",
            "README": "not [ TOML",
        },
    )
    (tmp_path / "resolverd.d" / "below").mkdir()
    (tmp_path / "resolverd.d" / "below" / "d.toml").write_text("not [ TOML")
    loaded = load_config(path)
    assert loaded.config.service["s"].regions == ("a", "b", "c")
    a = loaded.config.region["a"]
    assert [endpoint.address for endpoint in a.endpoint] == [
        ("192.0.2.1",), ("192.0.2.11",), ("192.0.2.12",),
    ]  # fmt: skip
    assert [endpoint_name("a", a, n) for n in range(3)] == ["a-1", "a-2", "a-3"]
    names = [file.name for file in loaded.files]
    assert names == ["resolverd.toml", "10-b.toml", "15-a.toml", "20-c.toml"]


def test_a_table_may_be_written_in_several_files(tmp_path: Path) -> None:
    path = write(
        tmp_path, b__toml='[service.s]\nttl = "30s"\n', c__toml='[region.a]\ncountry = "IE"\n'
    )
    config = load_config(path).config
    assert (config.service["s"].ttl, config.region["a"].country) == (30, "IE")


@pytest.mark.parametrize(
    ("fragments", "file", "place", "check", "said"),
    [
        (
            {"b__toml": "[region.a]\ncoordinates = [5, 6]\n"},
            "b.toml", (2, 15), "config-said-twice",
            "region.a.coordinates is set already, at {main}:4",
        ),
        (
            {"b__toml": '[service.s]\nttl = "1m"\n', "c__toml": '[service.s]\nttl = "2m"\n'},
            "c.toml", (2, 7), "config-said-twice", "service.s.ttl is set already, at {d}/b.toml:2",
        ),
        (
            {"b__toml": '[probe]\nkind = "tcp"\n'},
            "b.toml", (1, 2), "config-fragment-table", "[probe] may not stand in a fragment",
        ),
        (
            {"b__toml": '[service.s]\nregions = ["a"]\n'},
            "b.toml", (2, 12), "config-duplicate-region", 'region "a" is listed twice',
        ),
        (
            {"b__toml": endpoint("a", "192.0.2.300")},
            "b.toml", (2, 12), "config-value", 'region.a.endpoint[1].address[0]: "192.0.2.300" is',
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_where_it_stands(
    tmp_path: Path,
    fragments: dict[str, str],
    file: str,
    place: tuple[int, int],
    check: str,
    said: str,
) -> None:
    path = write(tmp_path, **fragments)
    problem = refused(path)
    assert (Path(problem.file).name, (problem.line, problem.column)) == (file, place)
    assert problem.id == check
    assert problem.message.startswith(said.format(main=path, d=path.with_suffix(".d")))
    assert problem.hint


def test_an_override_lies_over_all_of_them(tmp_path: Path) -> None:
    path = write(tmp_path, b__toml=region("b", "192.0.2.2"))
    over = load_config(path, [("service.s.regions", ["b"]), ("service.s.ttl", "90s")]).config
    assert (over.service["s"].regions, over.service["s"].ttl) == (("b",), 90)
