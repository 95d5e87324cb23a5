"""The database that ships inside the package: cities to a fifth of a degree, both families.

It lets a first `serve` place every client with no download. `make cities` makes it of a full city
database (`cities/`); it is a MaxMind DB like any other once it is unpacked. Its bytes are pinned by
their SHA-256, so it is not walked at start; a test walks it instead. Licence: ATTRIBUTION.
"""

from __future__ import annotations

import zlib
from importlib.resources import files

from resolverd.errors import GeoError
from resolverd.files.reading import digest_of
from resolverd.geo.attribution import DBIP
from resolverd.geo.embedded.edition import SHA256 as SHA256

NAME = "dbip-city-compact.mmdb"
FILE = f"{NAME}.z"
"""Its file here: one zlib stream (RFC 1950), which is unpacked (`geo/kept_embedded.py`) in a
fraction of the time that xz takes. In it are the number of nodes, their octets column by column,
and the rest."""

COUNT, NODE = 4, 6
"""Octets of that number, and of a node, which is two records of 24 bits."""
ATTRIBUTION = DBIP


def content() -> bytes:
    """The embedded database, 10 MB. Raises GeoError when the installation is damaged."""
    packed = files("resolverd.geo").joinpath(f"embedded/{FILE}")
    try:
        whole = unpacked(packed.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise GeoError(f"the embedded {NAME} cannot be read ({error}); install again") from error
    if digest_of(whole) != SHA256:
        raise GeoError(f"the embedded {NAME} is not the one that was shipped; install again")
    return whole


def unpacked(packed: bytes) -> bytes:
    """What `cities.container.packed` packed. Raises EOFError or zlib.error where it is damaged."""
    stream = zlib.decompress(packed)
    count = int.from_bytes(stream[:COUNT], "big")
    rest = COUNT + count * NODE
    if rest > len(stream):
        raise EOFError("it ends within its nodes")
    content = bytearray(len(stream) - COUNT)
    for column in range(NODE):
        first = COUNT + column * count
        content[column : count * NODE : NODE] = stream[first : first + count]
    content[count * NODE :] = stream[rest:]
    return bytes(content)
