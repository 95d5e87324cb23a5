"""mode = "metric" through BIRD, as docs/anycast.md shows it: raised first, withdrawn later."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from anycast.lab import PAGE, V4, Lab, example, lab, needs_bird, until
from anycast.test_anycast_bird import BIRD

pytestmark = needs_bird


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab(tmp_path_factory.mktemp("lab")) as made:
        edge = made.edges[1]
        text = PAGE.read_text()
        begin = text.index('[anycast]\naddresses = ["192.0.2.53"]\nmode = "metric"')
        edge.configure(text[begin : text.index("```", begin)])
        more = example('# for mode = "metric"')
        config = edge.adapted(example(BIRD))
        wanted = 'export where proto ~ "anycast_*";'
        assert wanted in config
        config = config.replace("template bgp", f"{more}\ntemplate bgp")
        edge.bird(config.replace(wanted, "export filter to_router;"))
        edge.serve()
        yield made


def test_an_unfit_edge_is_raised_then_withdrawn_and_comes_back_as_it_was(one: Lab) -> None:
    edge = one.edges[1]
    edge.announce(raised_for='"4s"', max_plan_behind='"100ms"')
    until(lambda: "BGP.med: 100\n" in one.router.routes(V4), "it is announced")
    zone = edge.folder / "example.zone"
    sound = zone.read_text()
    zone.write_text(sound + "broken record here\n")
    until(lambda: "BGP.med: 1000\n" in one.router.routes(V4), "its metric is raised")
    assert "BGP.as_path: 64500 64500 64500\n" in one.router.routes(V4)
    until(lambda: not one.has(V4), "it is withdrawn")
    zone.write_text(sound)
    until(lambda: "BGP.med: 100\n" in one.router.routes(V4), "it is announced again")
    phases = [event["after"] for event in edge.events("anycast.changed")]
    assert phases == ["announced", "raised", "withdrawn", "announced"]


def test_the_route_is_never_away_while_its_metric_is_raised(one: Lab) -> None:
    """The raised protocol is enabled before the other is disabled."""
    withdrawals = one.router.birdc("show", "protocols", "all", "edge1_v4")
    assert "Import withdraws:" in withdrawals
    (row,) = (line for line in withdrawals.splitlines() if "Import withdraws:" in line)
    # received: one for the withdrawal above, and none for two changes of the metric
    assert row.split()[2] == "1"
