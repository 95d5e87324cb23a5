"""A process beside the daemon reads its own tables, whatever is wrong with the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolverd.config.load import load_config, load_tables
from resolverd.errors import ConfigError

TABLES = ("server", "admin", "fleet", "anycast")
OWN = """\
[server]
listen = ["0.0.0.0:53"]
coordinates = [50.1, 8.7]
state = "state"
[admin]
listen = "127.0.0.1:9153"
[fleet]
urls = ["nats://127.0.0.1:4222"]
[anycast]
addresses = ["192.0.2.53"]
[anycast.bird]
protocols = ["anycast_v4"]
"""


def _written(folder: Path, text: str) -> Path:
    path = folder / "resolverd.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "others",
    [
        '[region.a]\ncoordinates = "nowhere"\n',
        '[service.s]\nregions = ["missing"]\n',
        "[pin.p]\nsubnets = [1]\n",
        "[nobody_knows]\nx = 1\n",
        "",
    ],
)
def test_mistakes_of_other_tables_are_not_asked_about(others: str, tmp_path: Path) -> None:
    path = _written(tmp_path, OWN + others)
    if others:
        with pytest.raises(ConfigError):
            load_config(path)
    loaded = load_tables(path, TABLES, [("anycast.interval", "2s"), ("region.a.bias", "1ms")])
    assert loaded.config.anycast.addresses == ("192.0.2.53",)
    assert loaded.config.anycast.interval == 2.0
    assert loaded.base == tmp_path


def test_a_fragment_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "resolverd.d").mkdir()
    (tmp_path / "resolverd.d" / "bad.toml").write_text("= no TOML")
    assert load_tables(_written(tmp_path, OWN), TABLES).files == (tmp_path / "resolverd.toml",)


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('["192.0.2.53"]', '["nowhere"]', 10),
        ("[admin]", "[admin]\nsocke = 1", 6),
        ('["anycast_v4"]', '["anycast v4"]', 12),
        ("[fleet]", "[fleet", 7),
    ],
)
def test_mistakes_of_its_own_tables_are_errors(
    old: str, new: str, line: int, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as refused:
        load_tables(_written(tmp_path, OWN.replace(old, new)), TABLES)
    assert line in {problem.line for problem in refused.value.problems}


def test_a_published_configuration_need_not_have_arrived(tmp_path: Path) -> None:
    text = OWN.replace("[fleet]", '[fleet]\nconfiguration = "published"')
    assert load_tables(_written(tmp_path, text), TABLES).config.anycast.addresses
