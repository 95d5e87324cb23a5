"""A record of a change and what tells its owner go as one."""

from __future__ import annotations

import pytest

from resolverd.external_dns.endpoint import Changes, Endpoint, read_changes
from resolverd.external_dns.ownership import with_what_goes_along, without
from resolverd.external_dns.records import RecordError


def _a(name: str, target: str = "192.0.2.1", set_: str = "") -> Endpoint:
    return Endpoint(name=name, type="A", targets=(target,), set_identifier=set_)


def _owner(of: Endpoint) -> dict[str, object]:
    return {
        "dnsName": f"a-{of.name}",
        "recordType": "TXT",
        "targets": ['"heritage=external-dns"'],
        "setIdentifier": of.set_identifier,
        "labels": {"ownedRecord": of.name},
    }


def _changes(*endpoints: Endpoint, key: str = "create") -> Changes:
    both = [[each.document(), _owner(each)] for each in endpoints]
    return read_changes({key: [document for pair in both for document in pair]})


def _names(changes: Changes) -> list[str]:
    return [each.name for each in changes.wanted]


def test_without_a_record_there_is_none_of_its_owner_and_the_other_way_round() -> None:
    good, bad = _a("good.z"), _a("bad.z")
    changes = _changes(good, bad)
    owner = next(endpoint for endpoint in changes.create if endpoint.name == "a-bad.z")
    for refused, other in ((bad, owner), (owner, bad)):
        left_out = with_what_goes_along({refused: "so"}, changes)
        said = f"it goes with {refused.name} {refused.type}: so"
        assert left_out == {refused: "so", other: said}
        assert _names(without(changes, left_out)) == ["good.z", "a-good.z"]


def test_without_a_registry_each_is_by_itself() -> None:
    aaaa = Endpoint(name="x.z", type="AAAA", targets=("2001:db8::1",))
    changes = Changes(create=(_a("x.z"), aaaa))
    assert with_what_goes_along({aaaa: "so"}, changes) == {aaaa: "so"}


def test_another_set_of_a_name_is_another_record() -> None:
    one, other = _a("x.z", set_="one"), _a("x.z", set_="two")
    changes = _changes(one, other)
    kept = without(changes, with_what_goes_along({one: "so"}, changes)).wanted
    assert {each.set_identifier for each in kept} == {"two"}


@pytest.mark.parametrize("target", ["192.0.2.2", "192.0.2.1"])
def test_what_would_be_changed_to_what_is_left_out_stays(target: str) -> None:
    was, other, is_ = _a("x.z"), _a("y.z"), _a("x.z", target)
    changes = _changes(is_, other, key="updateNew")._replace(before=(was, other))
    left = without(changes, with_what_goes_along({is_: "so"}, changes))
    assert left.before == (other,)
    assert _names(left) == ["y.z", "a-y.z"]


def test_an_owner_s_record_that_does_not_say_whose_refuses_the_whole_change() -> None:
    """As external-dns before v0.13 wrote them: a record would be made without its owner."""
    changes = _changes(_a("good.z"), _a("bad.z"))._replace(owned={})
    assert with_what_goes_along({}, changes) == {}
    with pytest.raises(RecordError, match=r"bad\.z A: so"):
        with_what_goes_along({_a("bad.z"): "so"}, changes)
