"""What every verb works on: services, pins, a zone with a name of each kind, and two places."""

from __future__ import annotations

from pathlib import Path

from harness.config import CHAT
from harness.places import FRANKFURT, TOKYO, write_city_database
from harness.server import HEAD

SERVER = 'listen = ["127.0.0.1:0"]\nzones = ["zones/*.zone"]\ngeoip = ["city.mmdb"]\n'
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
low 2 DYNA chat
alias 60 DYNA alias
fixed 60 DYNA fixed
also CNAME chat
old DNAME other.example.
cut NS ns.elsewhere.example.
"""


def write_place(folder: Path) -> None:
    """Write the zone and the database: Tokyo is 1.0.0.0/8 and Frankfurt 2.0.0.0/8."""
    (folder / "zones").mkdir()
    (folder / "zones" / "inference.zone").write_text(ZONE)
    write_city_database(folder / "city.mmdb", {"1.0.0.0/8": TOKYO, "2.0.0.0/8": FRANKFURT})
