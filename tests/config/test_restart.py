"""Options of [server], [admin] and [fleet] are adopted by a reload, or said to want a restart."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from resolverd.config.fleet import Fleet
from resolverd.config.model import Config
from resolverd.config.restart import needs_restart
from resolverd.config.server import Admin, Server

SECTIONS: dict[str, type[BaseModel]] = {"server": Server, "admin": Admin, "fleet": Fleet}

ADOPTED = {
    "server": {
        *("coordinates", "country", "zones", "zone_checks", "geoip", "nat64", "nsid"),
        *("udp_payload", "ttl_floor", "name_grace", "isolation_window", "settle", "watch"),
        *("query_log", "hold_services", "hold_regions", "hold_zones", "hold_names"),
    },
    "admin": set[str](),
    # A start alone waits: the next one by what is written then.
    "fleet": {"verdicts", "quorum", "valid", "start_wait"},
}
"""What whoever uses it takes from the configuration that is served now."""


def config(**changed: Any) -> Config:
    return Config.model_construct(
        **{"server": Server(coordinates=(50.1, 8.7)), "admin": Admin(), "fleet": Fleet(), **changed}
    )


@pytest.mark.parametrize("section", SECTIONS)
def test_each_option_is_adopted_by_a_reload_or_wants_a_restart(section: str) -> None:
    before = getattr(config(), section)
    options = SECTIONS[section].model_fields
    wanting = {
        option
        for option in options
        if needs_restart(
            config(), config(**{section: before.model_copy(update={option: object()})})
        )
        == [f"{section}.{option}"]
    }
    assert wanting == options.keys() - ADOPTED[section]
