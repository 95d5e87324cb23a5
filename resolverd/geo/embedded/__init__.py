"""The database that ships inside the package: cities to half a degree, IPv4 and IPv6.

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
from resolverd.geo.embedded.edition import SHA256

NAME = "dbip-city-compact.mmdb"
FILE = f"{NAME}.z"
"""Its file here: the database as one zlib stream (RFC 1950), which is unpacked at every start in a
fraction of the time that xz takes."""
ATTRIBUTION = DBIP


def content() -> bytes:
    """The embedded database, 7 MB. Raises GeoError when the installation is damaged."""
    packed = files("resolverd.geo").joinpath(f"embedded/{FILE}")
    try:
        unpacked = zlib.decompress(packed.read_bytes())
    except (OSError, zlib.error) as error:
        raise GeoError(f"the embedded {NAME} cannot be read ({error}); install again") from error
    if digest_of(unpacked) != SHA256:
        raise GeoError(f"the embedded {NAME} is not the one that was shipped; install again")
    return unpacked
