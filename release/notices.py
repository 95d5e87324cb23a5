"""Whose work a release has in it or installs beside it, with every licence's text: `make notices`.

    python -m release.notices [FILE]

Into FILE, or else build/THIRD-PARTY-NOTICES.md: each package of requirements.lock that this machine
installs, with the licence that it declares and the texts that it ships, and what is in the wheel
itself: Rust's standard library and the city table. Read from the environment that runs this, so the
versions have to be those of the lock file. It says nothing of resolverd's own licence.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements.lock"
_EMBEDDED = ROOT / "resolverd" / "geo" / "embedded"
_TEXTS = re.compile(r"(^|/)(LICEN[CS]E|COPYING|NOTICE|AUTHORS)[^/]*$", re.IGNORECASE)
_RUST = """\
The native library is linked with Rust's standard library, `MIT OR Apache-2.0`, with parts under
other permissive licences that its own COPYRIGHT lists: https://github.com/rust-lang/rust."""
_HEAD = """\
# Third-party notices

Made by `make notices` from requirements.lock; do not edit."""


class NoticeError(Exception):
    """What is installed is not what the lock file says, or tells no licence."""


class Notice(NamedTuple):
    """One package: its licence as it declares it, and each text that it ships, by its name."""

    name: str
    version: str
    licence: str
    homepage: str
    texts: tuple[tuple[str, str], ...]


def main() -> int:
    """Write them, and say where. 1 where a package is not as locked, or tells no licence."""
    path = Path(sys.argv[1]) if sys.argv[1:] else ROOT / "build" / "THIRD-PARTY-NOTICES.md"
    try:
        made = document(notices(LOCK.read_text()))
    except NoticeError as error:
        print(f"notices: {error}", file=sys.stderr)
        return 1
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(made)
    print(f"written: {path}")
    return 0


def notices(lock: str) -> list[Notice]:
    """Those of each package of a lock file that this machine installs. Raises NoticeError."""
    return [_notice(name, version) for name, version in locked(lock)]


def locked(lock: str) -> Iterator[tuple[str, str]]:
    """Each package of a lock file, and its version, whose marker holds here."""
    for line in re.findall(r"^[A-Za-z0-9][^\\\n]*", lock, re.MULTILINE):
        wanted = Requirement(line.strip())
        if wanted.marker is None or wanted.marker.evaluate():
            yield wanted.name, str(wanted.specifier).removeprefix("==")


def document(of: Iterable[Notice]) -> str:
    """All of it as one page: a table, and then the texts."""
    known = list(of)
    rows = [f"| [{n.name}]({n.homepage}) | {n.version} | {n.licence} |" for n in known]
    parts = [
        _HEAD,
        "\n".join(["| package | version | licence |", "| --- | --- | --- |", *rows]),
        "## Inside the wheel",
        _RUST,
        "The city table:\n\n" + _block((_EMBEDDED / "ATTRIBUTION").read_text()),
        _block((_EMBEDDED / "DBIP_LICENSE").read_text()),
    ]
    for notice in known:
        parts.append(f"## {notice.name} {notice.version}")
        parts += [f"{name}:\n\n{_block(text)}" for name, text in notice.texts]
    return "\n\n".join(parts) + "\n"


def _block(text: str) -> str:
    """A text as it is; the fence is longer than any in it."""
    longest = max((len(fence) for fence in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text.strip()}\n{fence}"


def _notice(name: str, version: str) -> Notice:
    try:
        found = distribution(name)
    except PackageNotFoundError as error:
        raise NoticeError(f"{name} is locked and not installed here: make .venv/.dev") from error
    if found.version != version:
        raise NoticeError(f"{name} is {found.version} here and {version} in the lock file")
    licence = _licence(found)
    if not licence:
        raise NoticeError(f"{name} {version} tells no licence: look it up")
    return Notice(name, version, licence, _homepage(found), tuple(_texts(found)))


def _licence(of: Distribution) -> str:
    """As SPDX where the package says so, else its words, else the classifiers'."""
    said = _said(of, "License-Expression")
    words = _said(of, "License")
    classified = [
        each.rpartition(" :: ")[2]
        for each in of.metadata.get_all("Classifier") or []
        if each.startswith("License :: ") and each != "License :: OSI Approved"
    ]
    short = words if "\n" not in words and len(words) < 60 else ""
    return said or short or ", ".join(classified) or (words.splitlines() or [""])[0]


def _said(of: Distribution, key: str) -> str:
    """One value of its metadata; empty where it has none."""
    return str((of.metadata.get_all(key) or [""])[0]).strip()


def _homepage(of: Distribution) -> str:
    urls = dict(each.split(", ", 1) for each in of.metadata.get_all("Project-URL") or [])
    known = {label.lower(): url for label, url in urls.items()}
    wanted = ("homepage", "home", "source", "source code", "repository", "github")
    first = next((known[label] for label in wanted if label in known), "")
    name = of.metadata["Name"]
    return _said(of, "Home-page") or first or f"https://pypi.org/project/{name}/"


def _texts(of: Distribution) -> Iterator[tuple[str, str]]:
    """What it ships of licences and notices, by the file's name."""
    for file in of.files or ():
        if ".dist-info/" in str(file) and _TEXTS.search(str(file)):
            yield file.name, Path(str(of.locate_file(file))).read_text(errors="replace")


if __name__ == "__main__":
    raise SystemExit(main())
