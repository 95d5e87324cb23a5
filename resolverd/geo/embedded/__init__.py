"""The database that ships inside the package: countries only, IPv4 and IPv6.

It lets a first `serve` place every client with no download. Its bytes are pinned by their
SHA-256, so it is not walked at start; a test walks it instead. Licences: ATTRIBUTION.
"""

from __future__ import annotations

import hashlib
import lzma
from importlib.resources import files

from resolverd.errors import GeoError

NAME = "geo-whois-asn-country.mmdb"
SHA256 = "c5f7c0e9bd6a6ccb5a2e9634764544a0d08bd0bd8788b8aedfac87bea184c652"
ATTRIBUTION = (
    "Uses statistics data by the Number Resource Organization (https://www.nro.net), CC BY 4.0."
)


def content() -> bytes:
    """The embedded database, 7.8 MB. Raises GeoError when the installation is damaged."""
    packed = files("resolverd.geo").joinpath(f"embedded/{NAME}.xz")
    try:
        unpacked = lzma.decompress(packed.read_bytes())
    except (OSError, lzma.LZMAError) as error:
        raise GeoError(f"the embedded {NAME} cannot be read ({error}); install again") from error
    if hashlib.sha256(unpacked).hexdigest() != SHA256:
        raise GeoError(f"the embedded {NAME} is not the one that was shipped; install again")
    return unpacked
