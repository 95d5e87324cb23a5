"""$GENERATE's ranges and templates, as BIND 9 defines them."""

from __future__ import annotations

import pytest

from resolverd.zone.generate import MAX_RECORDS, TemplateError, carries_offset, expand, parse_range


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1-3", [1, 2, 3]), ("0-0", [0]), ("0-9/4", [0, 4, 8]), ("3-5/2", [3, 5])],
)
def test_a_range_includes_its_stop(text: str, expected: list[int]) -> None:
    assert list(parse_range(text)) == expected


@pytest.mark.parametrize("text", ["", "1", "3-1", "1-3/0", "-1-3", "1-3/", "a-b", "١-٣", "1-2-3"])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(TemplateError):
        parse_range(text)


def test_a_range_is_bounded() -> None:
    assert len(parse_range(f"1-{MAX_RECORDS}")) == MAX_RECORDS
    with pytest.raises(TemplateError, match="over the limit"):
        parse_range(f"0-{MAX_RECORDS}")


@pytest.mark.parametrize(
    ("template", "counter", "expected"),
    [
        ("host", 7, "host"),
        ("a$.b$", 7, "a7.b7"),
        ("$$", 7, "$"),
        (r"\$$", 7, r"\$7"),
        ("${0}", 7, "7"),
        ("${-5}", 7, "2"),
        ("${+5}", 7, "12"),
        ("${-9}", 7, "-2"),
        ("${0,3}", 7, "007"),
        ("${0,3,d}", 7, "007"),
        ("${0,2,x}", 254, "fe"),
        ("${0,4,X}", 254, "00FE"),
        ("${0,4,o}", 8, "0010"),
        ("${0,3,n}", 0x1A, "a.1"),
        ("${0,7,N}", 0x1A, "A.1.0.0"),
        ("${0,4,n}", 0x1A, "a.1."),
        ("${0,0,n}", 0x1A, "a.1"),
    ],
)
def test_a_template_is_expanded(template: str, counter: int, expected: str) -> None:
    assert expand(template, counter) == expected


@pytest.mark.parametrize(
    "template",
    ["${}", "${x}", "${1,}", "${0,128}", "${0,1,q}", "${-9,1,n}", "${-9,1,x}", "${0", "$ ${0,3 A"],
)
def test_a_bad_modifier_is_refused(template: str) -> None:
    with pytest.raises(TemplateError):
        expand(template, 1)


@pytest.mark.parametrize(
    ("field", "expected"),
    [("h$.${5}", False), ("h${5}.$", True), ("h${0,3}.$", False), ("${5}.${0}$", False)],
)
def test_an_offset_that_bind_adds_to_a_later_counter_is_seen(field: str, expected: bool) -> None:
    assert carries_offset(field) is expected
