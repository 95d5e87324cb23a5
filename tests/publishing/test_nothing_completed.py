"""Before any generation is completed there is none to return to: an edge serves on what it has."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from resolverd.config.fleet import Fleet
from resolverd.engine.counters import Counters
from resolverd.fleet.link import Link
from resolverd.publishing.disk import GenerationFiles, Tried
from resolverd.publishing.edge import Adopting, EdgeGenerations, Serving
from resolverd.publishing.model import Generation, Ledger, Outcome
from resolverd.publishing.packing import digest_of_set
from resolverd.publishing.trial import OnTrial

SETS = [{"resolverd.toml": f"# {number}\n".encode()} for number in (1, 2)]


async def test_a_second_trial_that_ends_leaves_no_trial_behind(tmp_path: Path, link: Link) -> None:
    """Else the next start would say that the daemon died of it, and edits were not kept."""
    files, ended = GenerationFiles(tmp_path), list[str]()
    first, second = (files.write(n, digest_of_set(each), each) for n, each in enumerate(SETS, 1))
    files.switch(first)
    files.begin_trial(Tried(2, second.digest))
    files.switch(second)

    edge = EdgeGenerations(link, Fleet(edge="fra1"), tmp_path, files)
    adopting = cast(Adopting, SimpleNamespace(end_trial=lambda: ended.append("trial")))
    edge.into(adopting, cast(Serving, SimpleNamespace()))
    generations = [
        Generation(each.number, each.digest, "ada", "a test", 0.0, 100, 1, outcome=outcome)
        for each, outcome in ((first, Outcome.ABORTED), (second, Outcome.RETURNED))
    ]
    edge.status.serves = second
    edge._trial = OnTrial(generations[1], {}, Counters(), 0.0)
    edge.fleet.ledger = Ledger(tuple(generations))

    await edge._serve_wanted(time.monotonic())
    assert not edge.on_trial
    assert ended == ["trial"]
    assert files.recover() is None
    assert files.current() == second
