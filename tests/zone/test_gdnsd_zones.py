"""What a zone of gdnsd's has that no other has is refused with what to write for it here."""

from __future__ import annotations

from pathlib import Path

import pytest
from zone_files import HEAD, load_text


@pytest.mark.parametrize(
    ("line", "found", "hints"),
    [
        ("www 600/10 DYNA geoip!prod", "zone-bad-ttl", ["write 600,", 'failover_ttl = "10s"']),
        ("www 1h/5m DYNA weighted!w", "zone-bad-ttl", ["write 1h,", 'failover_ttl = "5m"']),
        ("www 1H/5M DYNA weighted!w", "zone-bad-ttl", ["write 1H,", 'failover_ttl = "5m"']),
        ("www 2w/1W DYNA weighted!w", "zone-bad-ttl", ["write 2w,", 'failover_ttl = "604800s"']),
        ("www 1h/1m30s DYNA w!w", "zone-bad-ttl", ["write 1h,", 'failover_ttl = "90s"']),
        ("geo 300 DYNC geoip!prod", "zone-unknown-type", ["DYNA NAME", 'answer = "cname"']),
        ("geo dync geoip!prod", "zone-unknown-type", ["DYNA NAME", 'answer = "cname"']),
        ("www 600 DYNA geoip!prod", "zone-bad-rdata", ["write DYNA prod", "[service.prod]"]),
        ("www DYNA metafo!a.b_c/dc1", "zone-bad-rdata", ["DYNA a.b_c,", "[service.a.b_c]"]),
    ],
)
def test_a_line_of_gdnsd_is_told_what_stands_for_it(
    tmp_path: Path, line: str, found: str, hints: list[str]
) -> None:
    zones, [problem] = load_text(tmp_path, f"{HEAD}{line}\n")
    assert zones == {}
    assert (problem.id, problem.line) == (found, 6)
    assert all(hint in problem.hint for hint in hints), problem.hint


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("www 600x DYNA chat", "write seconds such as 3600"),
        ("www 600/1x DYNA chat", "write seconds such as 3600"),
        ("www 600/ DYNA chat", "write seconds such as 3600"),
        ("www DSYNX chat", "did you mean DSYNC?"),
        ("www DYNA -chat", "write it like DYNA service"),
        ("www DYNA geoip!", "write it like DYNA service"),
    ],
)
def test_what_only_looks_like_gdnsd_has_the_hint_of_any_other(
    tmp_path: Path, line: str, hint: str
) -> None:
    _, [problem] = load_text(tmp_path, f"{HEAD}{line}\n")
    assert hint in problem.hint
