"""Hosts on which a daemon has run once, and was killed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from kept_host import Host, host


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Host, Path]]:
    """A host whose daemon has run once, and was killed once all was kept; and a copy of that."""
    folder = tmp_path_factory.mktemp("host")
    with host(folder) as made:
        made.start()
        made.until_kept()
        made.kill()
        copy = tmp_path_factory.mktemp("copy") / "state"
        shutil.copytree(made.state, copy)
        yield made, copy


@pytest.fixture
def here(once: tuple[Host, Path]) -> Iterator[Host]:
    """That host as it was then; its verdicts may be too old to be used."""
    made, copy = once
    made.clean()
    made.write()
    shutil.copytree(copy, made.state)
    yield made
    if made.running.process.poll() is None:
        made.kill()


@pytest.fixture
def fresh(here: Host) -> Host:
    """The host with verdicts of just now."""
    shutil.rmtree(here.state)
    here.start()
    here.until_kept()
    here.kill()
    return here
