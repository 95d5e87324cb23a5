"""A directory with a configuration, a zone and a city database, as an operator would have it."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness.config import CHAT, config_text
from harness.places import FRANKFURT, TOKYO, write_city_database
from harness.server import HEAD

SERVICES = f"""{CHAT}
ttl = "20s"
failover_ttl = "2s"

[service.alias]
regions = ["us-east", "eu-west"]
policy = "failover"
answer = "cname"

[service.fixed]
regions = ["us-east", "eu-west"]
ecs = false
all_down = "nodata"

[pin.gdpr]
countries = ["DE"]
regions = ["eu-west"]
services = ["chat"]

[pin.nowhere]
subnets = ["198.51.100.0/24"]
regions = ["us-east"]
services = ["fixed"]
"""

ZONE = f"""$ORIGIN inference.example.
{HEAD}www 60 A 192.0.2.80
chat 60 DYNA chat
low 1 DYNA chat
alias 60 DYNA alias
fixed 60 DYNA fixed
also CNAME chat
old DNAME other.example.
cut NS ns.elsewhere.example.
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory in which every verb works: Tokyo is 1.0.0.0/8 and Frankfurt 2.0.0.0/8."""
    (tmp_path / "zones").mkdir()
    (tmp_path / "zones" / "inference.zone").write_text(ZONE)
    write_city_database(tmp_path / "city.mmdb", {"1.0.0.0/8": TOKYO, "2.0.0.0/8": FRANKFURT})
    server = 'listen = ["127.0.0.1:0"]\nzones = ["zones/*.zone"]\ngeoip = ["city.mmdb"]\n'
    (tmp_path / "resolverd.toml").write_text(config_text(SERVICES, server=server))
    return tmp_path
