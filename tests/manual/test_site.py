"""The documentation's site: every page is on it, and a link that leads nowhere fails it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from docs.site import DOCS, SiteError, build, copy, nav


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole site, built."""
    into = tmp_path_factory.mktemp("built") / "site"
    build(into)
    return into


def test_every_page_of_the_docs_is_on_it_and_in_a_tab(site: Path) -> None:
    wanted = {path.relative_to(DOCS).with_suffix("") for path in DOCS.rglob("*.md")}
    for page in wanted | {Path("changelog")}:
        assert (site / page / "index.html").exists(), page
        assert f'href="{page}/"' in (site / "index.html").read_text(), page


def test_it_can_be_searched_and_fetches_nothing_from_elsewhere(site: Path) -> None:
    index = json.loads((site / "search" / "search_index.json").read_text())
    found = {entry["location"] for entry in index["docs"] if "flap_damping" in entry["text"]}
    assert any(location.startswith("configuration/") for location in found)
    for page in site.rglob("*.html"):
        fetched = re.findall(
            r'<(?:script|link|img)[^>]+(?:src|href)="(https?:[^"]+)', page.read_text()
        )
        assert fetched == [], page


def test_links_out_of_the_docs_lead_to_copies(site: Path) -> None:
    page = (site / "zone-files" / "index.html").read_text()
    (link,) = re.findall(r'href="(\.\./files/zones/inference\.example\.zone)"', page)
    assert (site / "zone-files" / link).resolve().read_text().startswith((";", "$"))


@pytest.mark.parametrize("link", ["nowhere.md", "other.md#nowhere", "../nowhere.txt"])
def test_a_link_that_leads_nowhere_fails_it(tmp_path: Path, link: str) -> None:
    first, other = tmp_path / "first.md", tmp_path / "other.md"
    first.write_text(f"# First\n\n[there](other.md#other) and [where]({link})\n")
    other.write_text("# Other\n")
    with pytest.raises(SiteError):
        build(tmp_path / "site", {"index.md": first, "other.md": other})


def test_links_in_code_are_left_and_a_list_behind_a_line_stays_one(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Page\n\nThese:\n- [one](page.md)\n\n```\n[two](page.md)\nthese:\n- x\n```\n")
    copy({"index.md": page}, tmp_path / "copied")
    assert (tmp_path / "copied" / "index.md").read_text() == (
        "# Page\n\nThese:\n\n- [one](index.md)\n\n```\n[two](page.md)\nthese:\n- x\n```\n"
    )


def test_a_page_without_a_place_is_still_found() -> None:
    tabs = nav(["index.md", "steering.md", "recipes/new.md"])
    assert tabs == [
        {"Home": "index.md"}, {"Steer": ["steering.md"]}, {"More": ["recipes/new.md"]},
    ]  # fmt: skip
