"""Write the city table of the package anew: ``python -m cities FILE [FILE]``, or ``make cities``.

FILE is a full city database in MaxMind format, of both families or one for each. The same files
give the same octets, whatever the day; what is written beside says which files those were.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from cities.cells import cells_of
from cities.container import packed
from cities.prune import Limits, Tree, address_space
from cities.source import NOWHERE, Source, read_source
from cities.table import graft, mmdb
from resolverd.errors import GeoError
from resolverd.geo import embedded

# What resolvers send is a /24, and a /48 or /56. Weights are in blocks of that; of IPv6, where a
# provider's /29 has nearly all addresses and as many clients as another's /40, in their root.
# The price of a node decides how large the table is: 10 MB in memory, 4 MB in the package.
V4 = Limits(24, 240.0, lambda length: 2.0 ** (24 - length))
V6 = Limits(48, 12000.0, lambda length: 2.0 ** ((48 - length) / 2))

DIRECTORY = Path(embedded.__file__).parent
USAGE = "usage: python -m cities FILE [FILE]   (a city database, or one of IPv4 and one of IPv6)"


def main(arguments: Sequence[str]) -> int:
    """Make it, write it, and say what it is."""
    paths = [Path(argument) for argument in arguments]
    if not 1 <= len(paths) <= 2 or any(not path.is_file() for path in paths):
        print(USAGE, file=sys.stderr)
        return 2
    try:
        content = make(paths)
    except (GeoError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    write(content, paths, DIRECTORY)
    print(f"{embedded.NAME}: {len(content):,} octets, {len(packed(content)):,} packed")
    return 0


def make(paths: Sequence[Path]) -> bytes:
    """The table of the full database in `paths`. Raises GeoError, or ValueError for one too big."""
    # Nothing below makes cycles, and looking for them takes a third of the time.
    gc.disable()
    try:
        return _made(read_source(paths))
    finally:
        gc.enable()


def write(content: bytes, paths: Sequence[Path], directory: Path) -> None:
    """The table, packed, and the module that pins it, in `directory`."""
    (directory / embedded.FILE).write_bytes(packed(content))
    sources = "".join(f'    "{path.name}": "{_digest(path)}",\n' for path in paths)
    (directory / "edition.py").write_text(
        '"""Which city table ships, and what it was made of; written by `make cities`."""\n\n'
        f'SHA256 = "{sha256(content).hexdigest()}"\n'
        f"OCTETS = {len(content)}\n"
        f"SOURCES = {{\n{sources}}}\n"
    )


def _made(source: Source) -> bytes:
    space = address_space(source.v4, V4.bits, V4.weight, len(source.places))
    if source.v6 is not None:
        space6 = address_space(source.v6, V6.bits, V6.weight, len(source.places))
        space = [one + other for one, other in zip(space, space6, strict=True)]
    places, cell_of = cells_of(source.places, space)
    tree = Tree(places, cell_of)
    v4 = tree.add(source.v4, V4)
    v6 = tree.add(source.v6, V6) if source.v6 is not None else NOWHERE
    root = graft(tree.node, tree.nodes, v6, v4)
    about = "DB-IP City Lite, CC BY 4.0 (https://db-ip.com), rounded by resolverd"
    return mmdb(places, tree.nodes, root, source.built, about)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return sha256(file.read()).hexdigest()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
