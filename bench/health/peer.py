"""gdnsd with its http_status beside `at_scale`: the same endpoints, asked for the same page."""

from __future__ import annotations

import shutil
from pathlib import Path

from bench.health.scale_world import FALL, probed

# Its timeout is a whole second at least, and less than its interval.
GDNSD_INTERVAL = 2.0

_CONFIG = """\
options => {{
  listen => 127.0.0.1
  dns_port => {port}
  udp_threads => 1
  tcp_threads => 1
  run_dir => "{place}/run"
  state_dir => "{place}/state"
}}
service_types => {{ page => {{
  plugin => http_status
  port => {probed}
  url_path => "/health"
  ok_codes => [ 200 ]
  interval => {interval:.0f}
  timeout => 1
  up_thresh => 2
  ok_thresh => 2
  down_thresh => {fall}
}} }}
plugins => {{ simplefo => {{
  service_types => page
{resources}}} }}
"""
_ZONE = """\
@ 60 SOA ns1 hostmaster 1 3600 900 604800 300
@ 60 NS ns1
ns1 60 A 192.0.2.53
"""


def own_name(number: int) -> str:
    """The name that is answered with endpoint `number` while that lives."""
    return f"s{number}.bench.example"


def write_gdnsd(place: Path, port: int, probed_port: int, count: int, deaths: int) -> list[str]:
    """The command of gdnsd, each of whose `count` endpoints has a resource."""
    program = shutil.which("gdnsd", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    if program is None:
        raise SystemExit("gdnsd is not installed")
    other = probed(count)
    resources = "".join(
        f"  s{n} => {{ primary => {probed(n)}, secondary => {other} }}\n" for n in range(count)
    )
    text = _CONFIG.format(
        port=port, place=place, probed=probed_port, interval=GDNSD_INTERVAL, fall=FALL,
        resources=resources,
    )  # fmt: skip
    (place / "zones").mkdir()
    for folder in ("run", "state"):
        (place / folder).mkdir()
    (place / "config").write_text(text)
    steered = "".join(f"s{n} 60 DYNA simplefo!s{n}\n" for n in range(max(1, deaths)))
    (place / "zones" / "bench.example").write_text(_ZONE + steered)
    return [program, "-c", str(place), "start"]
