"""The zone, and the database, that other people's programs ask about."""

from __future__ import annotations

from pathlib import Path

from harness.places import LONDON, NEW_YORK, SAN_FRANCISCO, TOKYO, write_city_database
from harness.server import HEAD

ZONE = (
    HEAD
    + """
www    A     192.0.2.80
alias  CNAME www
chat   60 DYNA chat
sub    NS    ns.sub
ns.sub A     192.0.2.9
"""
    + "".join(f"big TXT {'x' * 200}{n:02d}\n" for n in range(20))
)
PLACES = {
    "10.1.0.0/16": NEW_YORK,
    "10.2.0.0/16": SAN_FRANCISCO,
    "10.3.0.0/16": TOKYO,
    "10.4.0.0/20": LONDON,
    "10.5.0.0/20": NEW_YORK,  # whose neighbours have no place, and so the edge's
    "127.0.1.0/24": NEW_YORK,
    "127.0.2.0/24": TOKYO,
}


def prepare(folder: Path) -> str:
    """Write the database into `folder`; the [server] line that names it."""
    write_city_database(folder / "city.mmdb", PLACES)
    return 'geoip = ["city.mmdb"]\nnsid = "test-1"\n'
