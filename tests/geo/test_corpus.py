"""MaxMind's own test databases, sound and deliberately broken: each is read or refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolverd.errors import GeoError
from resolverd.geo.inspection import inspect

READ = {  # file: networks, distinct records
    "GeoIP2-City-Shield-Test": (250, 63),
    "GeoIP2-City-Test": (250, 63),
    "GeoIP2-Country-Shield-Test": (345, 55),
    "GeoIP2-Country-Test": (345, 55),
    "GeoIP2-Enterprise-Shield-Test": (32, 30),
    "GeoIP2-Enterprise-Test": (32, 30),
    "GeoIP2-ISP-Test": (2129, 907),
    "GeoIP2-Precision-Enterprise-Shield-Test": (59, 56),
    "GeoIP2-Precision-Enterprise-Test": (59, 56),
    "GeoLite2-ASN-Test": (412, 101),
    "GeoLite2-City-Test": (242, 55),
    "GeoLite2-Country-Test": (244, 52),
}

NO_PLACES = r"a database of type \".+\" has no places"
REFUSED = {
    "GeoIP-Anonymous-Plus-Test": NO_PLACES,
    "GeoIP-Residential-Proxy-Test": NO_PLACES,
    "GeoIP2-Anonymous-IP-Test": NO_PLACES,
    "GeoIP2-City-Test-Broken-Double-Format": "data section is damaged at byte 11381",
    "GeoIP2-City-Test-Invalid-Node-Count": "metadata or search tree is damaged|does not fit",
    "GeoIP2-Connection-Type-Test": NO_PLACES,
    "GeoIP2-DensityIncome-Test": NO_PLACES,
    "GeoIP2-Domain-Test": NO_PLACES,
    "GeoIP2-IP-Risk-Test": NO_PLACES,
    "GeoIP2-Static-IP-Score-Test": NO_PLACES,
    "GeoIP2-User-Count-Test": NO_PLACES,
    "MaxMind-DB-no-ipv4-search-tree": NO_PLACES,
    "MaxMind-DB-string-value-entries": NO_PLACES,
    "MaxMind-DB-test-broken-pointers-24": NO_PLACES,
    "MaxMind-DB-test-broken-search-tree-24": NO_PLACES,
    "MaxMind-DB-test-decoder": NO_PLACES,
    "MaxMind-DB-test-ipv4-24": NO_PLACES,
    "MaxMind-DB-test-ipv4-28": NO_PLACES,
    "MaxMind-DB-test-ipv4-32": NO_PLACES,
    "MaxMind-DB-test-ipv6-24": NO_PLACES,
    "MaxMind-DB-test-ipv6-28": NO_PLACES,
    "MaxMind-DB-test-ipv6-32": NO_PLACES,
    "MaxMind-DB-test-metadata-pointers": NO_PLACES,
    "MaxMind-DB-test-mixed-24": NO_PLACES,
    "MaxMind-DB-test-mixed-28": NO_PLACES,
    "MaxMind-DB-test-mixed-32": NO_PLACES,
    "MaxMind-DB-test-nested": NO_PLACES,
    "MaxMind-DB-test-pointer-decoder": NO_PLACES,
}

CLAIMS_CITY = {  # refused too when the type claims places: same-length type, patched in
    "MaxMind-DB-test-broken-pointers-24": "a pointer out of it|outside the data section",
    "MaxMind-DB-test-broken-search-tree-24": "a cycle",
    "MaxMind-DB-test-ipv4-24": "none of its .* records gives a place",
    "MaxMind-DB-test-ipv6-28": "none of its .* records gives a place",
    "MaxMind-DB-test-mixed-32": "none of its .* records gives a place",
}


def silent(fraction: float) -> None:
    assert 0 <= fraction <= 1


def test_the_table_names_every_file(corpus: Path) -> None:
    assert {path.stem for path in corpus.glob("*.mmdb")} == READ.keys() | REFUSED.keys()


@pytest.mark.parametrize("name", sorted(READ))
def test_a_sound_database_passes_whole(corpus: Path, name: str) -> None:
    report = inspect(corpus / f"{name}.mmdb", silent)
    assert (report.networks, report.records) == READ[name]
    assert report.unreadable == 0


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_any_other_is_refused_with_its_reason(corpus: Path, name: str) -> None:
    with pytest.raises(GeoError, match=REFUSED[name]) as refused:
        inspect(corpus / f"{name}.mmdb", silent)
    assert str(refused.value).startswith(f"{name}.mmdb: ")


@pytest.mark.parametrize("name", sorted(CLAIMS_CITY))
def test_a_type_that_claims_places_does_not_save_a_broken_file(
    corpus: Path, name: str, tmp_path: Path
) -> None:
    content = (corpus / f"{name}.mmdb").read_bytes()
    claiming = content.replace(b"database_type\x44Test", b"database_type\x44City")
    assert claiming != content
    path = tmp_path / "city.mmdb"
    path.write_bytes(claiming)
    with pytest.raises(GeoError, match=CLAIMS_CITY[name]):
        inspect(path, silent)
