"""What an edge could not serve is known by its files: another fleet's numbers begin again."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from resolverd.config.fleet import Fleet
from resolverd.fleet.link import Link
from resolverd.publishing.disk import GenerationFiles, Tried
from resolverd.publishing.edge import EdgeGenerations
from resolverd.publishing.fleet_ledger import FleetLedger
from resolverd.publishing.model import Generation, Ledger, Outcome, Report, ReportState, Trial
from resolverd.publishing.reporting import EdgeStatus, Reporting

EDGE, HERE = "fra1", Fleet(edge="fra1")
REFUSED = Tried(3, "0123")


def _on_trial(digest: str) -> Ledger:
    """A ledger of which a third generation has reached the edge."""
    completed, tried = (
        Generation(number, found, "ada", "a test", 0.0, 100, 1, outcome=outcome)
        for number, found, outcome in ((2, "2", Outcome.COMPLETED), (3, digest, Outcome.TRIED))
    )
    return Ledger((completed, tried), 2, Trial(3, ((EDGE,),)))


@pytest.mark.parametrize(("digest", "wanted"), [("0123", 2), ("4567", 3)])
def test_an_edge_serves_what_has_the_number_of_another_that_it_refused(
    tmp_path: Path, link: Link, digest: str, wanted: int
) -> None:
    edge = EdgeGenerations(link, HERE, tmp_path, GenerationFiles(tmp_path))
    edge._refuse(REFUSED, "its disk was full")
    edge.fleet.ledger = _on_trial(digest)
    assert edge._wanted(time.monotonic()) == wanted


@pytest.mark.parametrize(("digest", "reports"), [("0123", 1), ("4567", 0)])
async def test_a_report_is_given_of_what_it_is_about_alone(
    link: Link, digest: str, reports: int
) -> None:
    given = list[Ledger]()

    async def write(ledger: Ledger) -> None:
        given.append(ledger)

    fleet = cast(FleetLedger, SimpleNamespace(ledger=_on_trial(digest), write=write))
    reporting = Reporting(link, fleet, HERE, EdgeStatus())
    reporting.unsaid[REFUSED] = Report(ReportState.FAILED, "its disk was full")
    await reporting._report()
    assert len(given) == reports
    assert len(reporting.unsaid) == reports, "it is said once it is heard"
