"""Hours of service against a clock that is read minute by minute, changes of clocks included."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from resolverd.config.gaps import first_gap
from resolverd.config.hours import DAYS, Hours, Span, parse_span

# Half-hour zones, half-hour changes (Lord Howe), and changes at midnight (Santiago).
ZONES = (
    "UTC", "Asia/Tokyo", "America/New_York", "Europe/London", "Asia/Kolkata",
    "Australia/Lord_Howe", "America/Santiago", "Pacific/Apia",
)  # fmt: skip
spans = st.builds(
    lambda days, begin, length: Span(frozenset(days), begin, (begin + length) % 1440 or 1440),
    st.sets(st.integers(0, 6), min_size=1),
    st.integers(0, 1439),
    st.integers(1, 1439),
)
places = st.builds(
    Hours,
    st.lists(spans, min_size=1, max_size=3),
    st.sampled_from(ZONES).map(ZoneInfo),
)
# Whole minutes of 2026, all changes of clocks included.
instants = st.integers(0, 525_600).map(
    lambda minute: datetime(2026, 1, 1, tzinfo=UTC).timestamp() + 60 * minute
)


JANUARY = datetime(2026, 1, 5, tzinfo=UTC).timestamp()


def shown_open(hours: Hours, at: float) -> bool:
    """Read the wall clock, and look the minute up in the week as a list of all its minutes."""
    local = datetime.fromtimestamp(at, hours.zone)
    now = local.weekday() * 1440 + local.hour * 60 + local.minute
    for span in hours.spans:
        length = span.end - span.begin if span.end > span.begin else 1440 - span.begin + span.end
        for day in span.days:
            begin = day * 1440 + span.begin
            if now in {minute % 10080 for minute in range(begin, begin + length)}:
                return True
    return False


@given(places, instants)
def test_it_is_open_when_the_wall_clock_says_so(hours: Hours, at: float) -> None:
    assert hours.open(at) == shown_open(hours, at)


@settings(max_examples=60)
@given(places, instants, st.floats(0, 59.9))
@example(  # in New York 02:00 to 03:00 is skipped on 8 March
    Hours([parse_span("sun 02:15-02:45")], ZoneInfo("America/New_York")),
    datetime(2026, 3, 5, tzinfo=UTC).timestamp(),
    0.0,
)
@example(  # and 01:00 to 02:00 comes twice on 1 November
    Hours([parse_span("sun 01:30-01:45")], ZoneInfo("America/New_York")),
    datetime(2026, 11, 1, 5, 32, tzinfo=UTC).timestamp(),
    0.0,
)
def test_the_window_is_the_one_found_minute_by_minute(hours: Hours, at: float, more: float) -> None:
    window = hours.window(at + more)
    assert window.open == hours.open(at)
    minutes = 14 * 1440
    until = next(
        (at + 60 * m for m in range(1, minutes) if hours.open(at + 60 * m) != window.open), 0
    )
    since = next(
        (at - 60 * m for m in range(1, minutes) if hours.open(at - 60 * m) != window.open), 0
    )
    assert (window.until or 0) == until or (not until and (window.until or 0) > at + 13 * 86400)
    if since:
        assert window.since == since + 60


@pytest.mark.parametrize(
    ("text", "days", "begin", "end"),
    [
        ("mon-fri 06:00-22:00", {0, 1, 2, 3, 4}, 360, 1320),
        ("sat 08:00-12:00", {5}, 480, 720),
        ("fri-mon 22:00-06:00", {4, 5, 6, 0}, 1320, 360),
        ("sun-mon 06:00-22:00", {6, 0}, 360, 1320),
        ("mon-tue,sat 06:00-22:00", {0, 1, 5}, 360, 1320),
        ("Mon,Wed 00:00-24:00", {0, 2}, 0, 1440),
        ("06:30-18:00", set(range(7)), 390, 1080),
        ("sun 22:00-24:00", {6}, 1320, 1440),
    ],
)
def test_spans_are_read(text: str, days: set[int], begin: int, end: int) -> None:
    assert parse_span(text) == Span(frozenset(days), begin, end)


@pytest.mark.parametrize(
    "text",
    ["", "mon", "mon 6:00-22:00", "mon 06:00", "moon 06:00-07:00", "mon- 06:00-07:00",
     "mon 06:00-24:01", "mon 06:60-07:00", "mon 07:00-07:00", "mon, wed 06:00-07:00",
     "mon 24:00-01:00", "25:00-26:00"],
)  # fmt: skip
def test_what_is_no_span_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(ValueError, match=f'"{text}"'):
        parse_span(text)


def test_a_gap_is_found_where_no_place_is_open() -> None:
    tokyo = Hours([parse_span("09:00-21:00")], ZoneInfo("Asia/Tokyo"))
    utc = Hours([parse_span("12:00-24:00")], ZoneInfo("UTC"))
    assert first_gap([tokyo, utc], JANUARY) is None
    weekdays = Hours([parse_span("mon-fri 12:00-24:00")], ZoneInfo("UTC"))
    gap = first_gap([tokyo, weekdays], JANUARY)
    assert gap is not None
    found = datetime.fromtimestamp(gap, UTC)
    assert (DAYS[found.weekday()], found.hour) == ("sat", 12)


def test_summer_alone_can_have_a_gap() -> None:
    """London moves by an hour, Tokyo does not: what meets in winter parts in summer."""
    tokyo = Hours([parse_span("09:00-21:00")], ZoneInfo("Asia/Tokyo"))
    london = Hours([parse_span("12:00-24:00")], ZoneInfo("Europe/London"))
    gap = first_gap([tokyo, london], JANUARY)
    assert gap is not None
    assert datetime.fromtimestamp(gap, UTC) == datetime(2026, 3, 29, 23, tzinfo=UTC)


def test_always_open_has_no_boundary() -> None:
    always = Hours([parse_span("00:00-24:00")], ZoneInfo("America/New_York"))
    now = datetime(2026, 3, 7, tzinfo=UTC)
    assert always.window(now.timestamp()) == (True, None, None)
    assert always.window((now + timedelta(2)).timestamp()).until is None


def test_a_gap_of_the_weeks_between_two_zones_changes_is_found() -> None:
    """New York's clocks change three weeks before London's."""
    us = Hours([parse_span("08:00-20:00")], ZoneInfo("America/New_York"))
    eu = Hours([parse_span("01:00-13:00")], ZoneInfo("Europe/London"))
    gap = first_gap([us, eu], JANUARY)
    assert gap is not None
    assert datetime.fromtimestamp(gap, UTC) == datetime(2026, 3, 9, 0, tzinfo=UTC)


def test_a_gap_of_the_month_in_which_a_zone_changes_twice_is_found() -> None:
    """Morocco is at UTC in Ramadan, and an hour ahead else."""
    morocco = Hours([parse_span("07:00-19:00")], ZoneInfo("Africa/Casablanca"))
    utc = Hours([parse_span("18:00-06:00")], ZoneInfo("UTC"))
    gap = first_gap([morocco, utc], JANUARY)
    assert gap is not None
    assert datetime.fromtimestamp(gap, UTC) == datetime(2026, 2, 15, 6, tzinfo=UTC)


@settings(max_examples=60, deadline=None)
@given(st.lists(places, min_size=1, max_size=3), st.lists(instants, min_size=20, max_size=20))
def test_before_the_first_gap_some_place_is_always_open(
    named: list[Hours], asked: list[float]
) -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    gap = first_gap(named, begin)
    if gap is not None:
        assert not any(shown_open(place, gap) for place in named)
        asked = [*asked, gap - 60]
    for at in asked:
        if begin <= at < (gap if gap is not None else float("inf")):
            assert any(shown_open(place, at) for place in named)
