"""The documentation as a site, with search: `make site`.

    python -m docs.site [DIRECTORY]

docs/*.md and the pages beside README.md are taken as they are on GitHub, and copied; links out of
docs/ lead to copies of the files that they name. Into DIRECTORY, or else build/site. A link that
leads nowhere, or to no heading, fails it. A page that `NAV` does not place is under "More".
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"

NAV: Mapping[str, Sequence[str]] = {
    "Start": ("install", "configuration", "zone-files", "zone-checks", "edits", "upgrade"),
    "Edges": ("edges", "fleet", "anycast"),
    "Recipes": ("recipes/vllm", "recipes/skypilot", "recipes/ionet", "kubernetes", "external-dns"),
    "Steer": ("steering", "rtt", "tiers", "sessions", "meaning"),
    "Health and load": ("probing", "health", "load", "spill"),
    "Operate": ("operations", "monitoring", "troubleshooting", "http-api", "planning"),
    "Inside": ("architecture", "performance", "threat-model", "seed"),
    "Project": ("contributing", "releasing", "security", "changelog", "third-party-notices"),
}
"""The pages of each tab, without their ending, as far as they are there."""

_FENCED = re.compile(r"(^ *```.*?^ *```)", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(\]\()([^)\s]+)(\))")
_CSS = """\
.md-typeset table:not([class]) { font-size: .7rem; }
.md-typeset pre > code { font-size: .72rem; }
.md-grid { max-width: 72rem; }
"""


class SiteError(Exception):
    """A site that cannot be built: a link leads nowhere."""


def main() -> int:
    """Build it, and say where. 1 where a link leads nowhere; mkdocs has said which."""
    into = Path(sys.argv[1]) if sys.argv[1:] else ROOT / "build" / "site"
    try:
        build(into)
    except SiteError as error:
        print(f"site: {error}", file=sys.stderr)
        return 1
    print(f"{sum(1 for _ in into.rglob('*.html'))} pages in {os.path.relpath(into)}")
    return 0


def build(into: Path, pages: Mapping[str, Path] | None = None) -> None:
    """Build the `pages`, by the names of their copies, into a directory. Raises SiteError."""
    from mkdocs.commands.build import build as build_site
    from mkdocs.config import load_config
    from mkdocs.exceptions import Abort, ConfigurationError

    pages = sources() if pages is None else pages
    copied = into.with_name(f"{into.name}-source")
    copy(pages, copied)
    logging.getLogger("mkdocs").addHandler(_said)
    try:
        config = load_config(
            str(ROOT / "mkdocs.yml"), docs_dir=str(copied.resolve()), site_dir=str(into.resolve()),
            nav=nav([*pages]), strict=True,
        )  # fmt: skip
        build_site(config)
    except (Abort, ConfigurationError) as error:
        raise SiteError(str(error)) from error
    finally:
        logging.getLogger("mkdocs").removeHandler(_said)


_said = logging.StreamHandler()
_said.setLevel(logging.WARNING)


def sources() -> dict[str, Path]:
    """Each page by the name of its copy; the front page is the README."""
    beside = {f"{path.stem.lower()}.md": path for path in sorted(ROOT.glob("*.md"))}
    pages = {"index.md": beside.pop("readme.md"), **beside}
    for path in sorted(DOCS.rglob("*.md")):
        pages[path.relative_to(DOCS).as_posix()] = path
    return pages


def nav(pages: Sequence[str]) -> list[dict[str, Any]]:
    """The tabs, and in each its pages, in order."""
    left = [page for page in pages if page != "index.md"]
    made: list[dict[str, Any]] = [{"Home": "index.md"}]
    for tab, names in NAV.items():
        there = [f"{name}.md" for name in names if f"{name}.md" in left]
        left = [page for page in left if page not in there]
        if there:
            made.append({tab: there})
    return [*made, {"More": left}] if left else made


def copy(pages: Mapping[str, Path], into: Path) -> None:
    """Write the pages, and what they link to besides, into an empty directory."""
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    (into / "site.css").write_text(_CSS)
    names = {path.resolve(): name for name, path in pages.items()}
    for name, path in pages.items():
        target = into / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("".join(_page(path, name, names, into)))


def _page(path: Path, name: str, names: Mapping[Path, str], into: Path) -> Iterator[str]:
    """The text of a page with its links rewritten, but in blocks of code."""

    def rewritten(link: re.Match[str]) -> str:
        file, mark, anchor = link[2].partition("#")
        if not file or ":" in file:
            return link[0]
        leads = (path.parent / file).resolve()
        to = names.get(leads) or _copied(leads, into)
        relative = os.path.relpath(to, Path(name).parent) if to else file
        return f"{link[1]}{relative}{mark}{anchor}{link[3]}"

    for part in _FENCED.split(path.read_text()):
        if part.lstrip().startswith("```"):
            yield part
        else:
            # A list right behind a line of text is one on GitHub; here it wants a blank line.
            yield re.sub(r"(?m)^((?![-*#|> ]).+:\n)(?=- )", r"\1\n", _LINK.sub(rewritten, part))


def _copied(path: Path, into: Path) -> str:
    """The name of the copy of a file that is no page; empty where it is not of this repository."""
    if not path.is_file() or not path.is_relative_to(ROOT):
        return ""
    if path.is_relative_to(DOCS):
        name = path.relative_to(DOCS).as_posix()
    else:
        name = f"files/{path.relative_to(ROOT).as_posix()}"
    target = into / name
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, target)
    return name


if __name__ == "__main__":
    raise SystemExit(main())
