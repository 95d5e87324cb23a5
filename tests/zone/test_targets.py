"""Each row of the types with a target is true of what dnspython reads."""

from __future__ import annotations

import dns.name
import dns.rdata
import pytest
from dns.rdataclass import IN
from dns.rdatatype import RdataType

from resolverd.zone.targets import TARGETS

ORIGIN = dns.name.from_text("example.")


@pytest.mark.parametrize("rdtype", TARGETS, ids=lambda rdtype: rdtype.name)
def test_the_example_points_with_the_field_and_the_attribute_that_the_row_says(
    rdtype: RdataType,
) -> None:
    target = TARGETS[rdtype]
    text, data = target.example.split(maxsplit=1)
    assert text == rdtype.name
    rdata = dns.rdata.from_text(IN, rdtype, data, origin=ORIGIN, relativize=False)
    written = dns.name.from_text(data.split()[target.field], ORIGIN)
    assert getattr(rdata, target.attribute) == written
