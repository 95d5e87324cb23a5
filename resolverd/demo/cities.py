"""Ten cities, and for each a public network of an institution that stands there.

Universities mostly, because their networks were given out once and have not moved since:
any database places them in the right country, and a city database in the right city.
"""

from __future__ import annotations

from typing import NamedTuple

from resolverd.dns.prefix import Prefix, parse_prefix


class City(NamedTuple):
    """A city and a client's /24 there; `country` is ISO 3166-1 alpha-2."""

    name: str
    country: str
    client: Prefix


CITIES = tuple(
    City(name, country, parse_prefix(client))
    for name, country, client in (
        ("New York", "US", "128.59.1.0/24"),  # Columbia University
        ("San Francisco", "US", "128.218.1.0/24"),  # University of California, San Francisco
        ("London", "GB", "128.40.1.0/24"),  # University College London
        ("Frankfurt", "DE", "141.2.1.0/24"),  # Goethe University
        ("Tokyo", "JP", "133.11.1.0/24"),  # University of Tokyo
        ("Sydney", "AU", "129.78.1.0/24"),  # University of Sydney
        ("São Paulo", "BR", "143.107.1.0/24"),  # University of São Paulo
        ("Mumbai", "IN", "103.21.124.0/24"),  # IIT Bombay
        ("Johannesburg", "ZA", "146.141.1.0/24"),  # University of the Witwatersrand
        ("Singapore", "SG", "137.132.1.0/24"),  # National University of Singapore
    )
)
