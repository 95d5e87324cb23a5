"""`resolverd template grafana`, `prometheus` and `alerts`: what a monitoring host is given."""

from __future__ import annotations

import argparse
import sys
from urllib.parse import urlsplit

from resolverd.cli.options import add_config, existing_config, verb
from resolverd.config.load import load_config
from resolverd.errors import ExitCode

_DASHBOARDS = ("edge", "fleet")


def register(uses: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the three uses to `uses`."""
    grafana = verb(
        uses,
        "grafana",
        "print a dashboard for Grafana 11 or newer, to import or to provision",
        [
            "resolverd template grafana > edge.json",
            "resolverd template grafana fleet --docs https://docs.example/ > fleet.json",
        ],
        _grafana,
    )
    grafana.add_argument(
        "dashboard",
        nargs="?",
        choices=_DASHBOARDS,
        default=_DASHBOARDS[0],
        metavar="DASHBOARD",
        help="edge: one edge host; fleet: all of them (default: edge)",
    )
    grafana.add_argument(
        "--docs",
        type=_url,
        metavar="URL",
        help="where the documentation's site is, for links from the panels",
    )
    prometheus = verb(
        uses,
        "prometheus",
        "print a configuration of Prometheus that reads the daemons and every region's servers",
        [
            "resolverd template prometheus --jobs > resolverd.scrape.yml",
            "resolverd template prometheus > resolverd.prometheus.yml",
            "resolverd template prometheus --edge 192.0.2.1:9153 --edge 192.0.2.2:9153",
        ],
        _prometheus,
    )
    add_config(prometheus)
    prometheus.add_argument(
        "--edge",
        action="append",
        default=[],
        type=_edge,
        metavar="HOST:PORT",
        help="an edge host as Prometheus reaches its admin.listen; give it once for each "
        "(default: admin.listen of this host)",
    )
    prometheus.add_argument(
        "--jobs",
        action="store_true",
        help="print scrape_configs alone, for scrape_config_files of a Prometheus (2.43 or newer) "
        "that reads others too",
    )
    verb(
        uses,
        "alerts",
        "print the alert rules for Prometheus",
        ["resolverd template alerts > /etc/prometheus/resolverd.rules.yml"],
        _alerts,
    )


def _grafana(arguments: argparse.Namespace) -> int:
    from resolverd.monitoring.documents import dashboard

    sys.stdout.write(dashboard(arguments.dashboard, arguments.docs or ""))
    return ExitCode.OK


def _prometheus(arguments: argparse.Namespace) -> int:
    from resolverd.monitoring.documents import prometheus

    config = load_config(existing_config(arguments), arguments.overrides).config
    sys.stdout.write(prometheus(config, arguments.edge, jobs=arguments.jobs))
    return ExitCode.OK


def _alerts(_arguments: argparse.Namespace) -> int:
    from resolverd.monitoring.documents import alert_rules

    sys.stdout.write(alert_rules())
    return ExitCode.OK


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise argparse.ArgumentTypeError(f'"{text}" is no URL, such as https://docs.example/')
    return text


def _edge(text: str) -> str:
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise argparse.ArgumentTypeError(f'"{text}" is not HOST:PORT, such as 192.0.2.1:9153')
    return text
