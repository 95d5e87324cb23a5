"""Traffic by prefix: many lines looked up by address are what each alone is."""

from __future__ import annotations

import ipaddress

from cli.command import ROOT
from hypothesis import given
from hypothesis import strategies as st

from resolverd.cli.plan import clients_of
from resolverd.dns.prefix import parse_prefix
from resolverd.loop import run_loop
from resolverd.planner.traffic import Traffic
from resolverd.planner.world import Fences
from resolverd.snapshot.fences import pin_rules
from resolverd.snapshot.inputs import load_inputs

INPUTS = run_loop(
    load_inputs(
        ROOT / "resolverd.toml",
        [("pin.lab", {"subnets": ["85.214.1.0/24"], "regions": ["us-east"]})],
    )
)
CLIENTS = clients_of(INPUTS, "chat")
RULES = pin_rules(INPUTS.config, "chat")[1]
NEAR = int(ipaddress.IPv4Address("85.214.0.0"))
V4 = st.tuples(
    st.one_of(st.integers(0, 2**32 - 1), st.integers(NEAR, NEAR + 2**12)), st.integers(8, 32)
).map(lambda p: str(ipaddress.ip_network(p, strict=False)))
V6 = st.tuples(
    st.one_of(
        st.integers(0x2000 << 112, 0x2FFF << 112),
        st.integers(0, 2**32 - 1).map(lambda v4: (0x2002 << 112) | (v4 << 80)),  # 6to4
    ),
    st.integers(16, 64),
).map(lambda p: str(ipaddress.IPv6Network(p, strict=False)))


@given(st.lists(st.one_of(V4, V6, st.just("DE")), max_size=12))
def test_lines_together_are_users_as_each_alone(wheres: list[str]) -> None:
    lines = [
        Traffic(where, None, (51.0, 9.0), "DE", 1.0)
        if where == "DE"
        else Traffic(where, parse_prefix(where), None, None, 1.0)
        for where in wheres
    ]
    edge = (50.1, 8.7)
    together = Fences(RULES, CLIENTS, edge).users(lines)
    assert together == [Fences(RULES, CLIENTS, edge).user(line) for line in lines]


def test_a_subnet_pin_holds_in_the_midst_of_a_country() -> None:
    texts = ("85.214.0.0/24", "85.214.1.0/24")
    lines = [Traffic(text, parse_prefix(text), None, None, 1.0) for text in texts]
    german, lab = Fences(RULES, CLIENTS, (50.1, 8.7)).users(lines)
    assert german.fence == frozenset({"eu-west"})
    assert lab.fence == frozenset({"us-east"})
