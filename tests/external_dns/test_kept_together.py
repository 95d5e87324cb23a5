"""Which endpoints are kept together: one that the zone is refused for keeps no other out."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from resolverd.external_dns.endpoint import Endpoint
from resolverd.external_dns.fragment import Endpoints, Key, key_of
from resolverd.external_dns.together import Fault, UnservableError, kept_together

TARGETS = {"A": "192.0.2.1", "AAAA": "2001:db8::1", "TXT": "text", "MX": "10 mx.example"}


def _endpoint(wanted: str) -> Endpoint:
    """`name type [set [target]]`."""
    name, type_, *more = wanted.split()
    set_, target = [*more, *["", TARGETS.get(type_, "a.example")][len(more) :]]
    return Endpoint(name=f"{name}.z.example", type=type_, targets=(target,), set_identifier=set_)


def _all(wanted: Iterable[str]) -> dict[Key, Endpoint]:
    return {key_of(endpoint): endpoint for endpoint in map(_endpoint, wanted)}


def _names(keys: Iterable[Key]) -> set[str]:
    return {f"{key.owner.labels[0].decode()} {key.type} {key.set_identifier}" for key in keys}


def _sound(_: Endpoints) -> list[Fault]:
    return []


@pytest.mark.parametrize(
    ("wanted", "known", "left_out"),
    [
        (["t CNAME", "t TXT", "u A"], [], {"t CNAME "}),
        (["t CNAME", "t TXT", "u A"], ["t CNAME"], {"t TXT "}),
        (["t CNAME", "t TXT", "t A"], ["t CNAME", "t A"], {"t CNAME "}),
        (["t CNAME one a.example", "t CNAME two b.example"], [], {"t CNAME two"}),
        (["t CNAME 1 a.example", "t CNAME 2 b.example"], ["t CNAME 2 b.example"], {"t CNAME 1"}),
        (["t CNAME one a.example", "t CNAME two a.example"], [], set()),
        (["t CNAME one a.example", "t A two"], [], {"t CNAME one"}),
        (["t A one", "t A two", "t TXT"], [], set()),
    ],
)  # fmt: skip
def test_a_cname_stands_alone_and_what_was_there_first_stays(
    wanted: list[str], known: list[str], left_out: set[str]
) -> None:
    everything = _all(wanted)
    kept, reasons = kept_together(everything, _all(known), _sound)
    assert _names(reasons) == left_out
    assert kept.keys() == everything.keys() - reasons.keys()


def test_what_an_error_names_is_left_out_with_its_reason() -> None:
    bad = [key_of(_endpoint("bad NS")), key_of(_endpoint("worse NS"))]

    def ask(some: Endpoints) -> list[Fault]:
        return [Fault([key], f"of {key.owner}") for key in bad if key in some]

    kept, reasons = kept_together(_all(["fine A", "bad NS", "worse NS"]), {}, ask)
    assert _names(kept) == {"fine A "}
    assert reasons == {key: f"of {key.owner}" for key in bad}


@pytest.mark.parametrize("named", [True, False])
def test_what_came_to_a_name_is_blamed_before_what_was_there(named: bool) -> None:
    known = _all(["www A", "other A"])
    came = key_of(_endpoint("www MX"))

    def ask(some: Endpoints) -> list[Fault]:
        return [Fault([key_of(_endpoint("www A"))] if named else (), "no")] if came in some else []

    kept, reasons = kept_together(_all(["www A", "www MX", "other A", "new A"]), known, ask)
    assert _names(kept) == {"www A ", "other A ", "new A "}
    assert reasons == {came: "no"}


def test_of_what_no_error_names_those_are_found_that_give_rise_to_it() -> None:
    many = _all(f"n{number} A" for number in range(40))
    bad = {key_of(_endpoint("n7 A")), key_of(_endpoint("n31 A"))}
    asked = []

    def ask(some: Endpoints) -> list[Fault]:
        asked.append(some)
        return [Fault((), "an MX of the operator's has no address")] if bad & some.keys() else []

    kept, reasons = kept_together(many, {}, ask)
    assert reasons.keys() == bad
    assert kept.keys() == many.keys() - bad
    assert len(asked) < 30


def test_what_was_kept_goes_where_it_cannot_stay_by_itself() -> None:
    mail = _all(["m MX"])

    def ask(some: Endpoints) -> list[Fault]:
        return [Fault(list(mail), "no address")] if mail.keys() & some.keys() else []

    kept, reasons = kept_together(mail | _all(["new A"]), mail, ask)
    assert (_names(kept), _names(reasons)) == ({"new A "}, {"m MX "})


def test_a_zone_with_an_error_of_its_own_leaves_nothing_out() -> None:
    with pytest.raises(UnservableError, match="of the operator's"):
        kept_together(_all(["a A", "b A"]), {}, lambda _: [Fault((), "of the operator's")])
