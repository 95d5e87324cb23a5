"""A preference list counts regions in one octet, so a service has 255 of them at most."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolverd.abi.limits import MAX_REGIONS
from resolverd.config.load import load_config
from resolverd.errors import ProblemsError


def write(path: Path, count: int) -> Path:
    names = [f"r{number}" for number in range(count)]
    regions = "".join(
        f"[region.{name}]\ncoordinates = [1, 2]\n[[region.{name}.endpoint]]\n"
        f'address = ["192.0.2.{number}"]\nurl = "http://192.0.2.{number}"\n'
        for number, name in enumerate(names)
    )
    path.write_text(f"[server]\ncoordinates = [1, 2]\n{regions}[service.chat]\nregions = {names}\n")
    return path


def test_a_service_of_255_regions_loads(tmp_path: Path) -> None:
    assert MAX_REGIONS == 255
    loaded = load_config(write(tmp_path / "resolverd.toml", 255))
    assert len(loaded.config.service["chat"].regions) == 255


def test_one_of_256_is_refused_where_it_lists_them(tmp_path: Path) -> None:
    with pytest.raises(ProblemsError) as refused:
        load_config(write(tmp_path / "resolverd.toml", 256))
    (problem,) = refused.value.problems
    assert problem.message == "service.chat.regions has more than 255 elements"
    assert problem.hint == "write 255 or fewer"
