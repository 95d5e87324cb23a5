"""What Prometheus is told to read: the daemons, and the inference servers of every region.

    edge hosts ──► job resolverd, which the alert rules and the dashboards take it to be
    what announces their service addresses ──► resolverd-anycast, with the instance of its host
    endpoints with a page of metrics ──► inference-REGION, by region, endpoint, service, model
    gpu_metrics of a region ──► inference-REGION-gpus, by region

Targets that are reached alike are one job. How is what the configuration says: TLS, certificates
and the file of the token. What Prometheus cannot be told so stands in `left_out`, in words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlsplit

from resolverd.config.model import Config
from resolverd.config.probe import Probe
from resolverd.config.secrets import secret_parts, shown_url
from resolverd.config.targets import ProbeTarget, probe_targets
from resolverd.health.kinds.http_settings import HttpSettings
from resolverd.health.kinds.inference import InferenceSettings

JOB = "resolverd"
ANYCAST = "resolverd-anycast"
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Scraping:
    """The jobs, as `scrape_configs` has them, and what is left to whoever reads it."""

    jobs: tuple[Json, ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Page:
    """One page of metrics: where, how it is reached, and its labels."""

    job: str
    target: str
    how: Json
    labels: Mapping[str, str]


@dataclass(slots=True)
class _Found:
    pages: list[_Page] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def scraping(config: Config, edges: Iterable[str] = ()) -> Scraping:
    """All that there is to read. `edges` are HOST:PORT; without any, this host's listener."""
    found = _Found()
    targets = list(edges) or list(_listener(config, found))
    resolverd = [{"job_name": JOB, "static_configs": [{"targets": targets}]}] if targets else []
    _endpoints(config, found)
    _gpus(config, found)
    anycast = list(_anycast(config, targets, found))
    return Scraping((*resolverd, *anycast, *_jobs(found.pages)), tuple(found.left_out))


def _listener(config: Config, found: _Found) -> Iterator[str]:
    listener = config.admin.listen
    if listener is None or not listener.port:
        found.left_out.append(
            "resolverd: admin.listen opens no port that is known before it runs; write "
            'listen = "127.0.0.1:9153" into [admin]'
        )
        return
    anywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}
    host = anywhere.get(listener.address, listener.address)
    yield f"[{host}]:{listener.port}" if ":" in host else f"{host}:{listener.port}"


def _anycast(config: Config, edges: Iterable[str], found: _Found) -> Iterator[Json]:
    """The process beside each daemon: `instance` is the daemon's, so that panels show both."""
    listener = config.anycast.listen
    if not config.anycast.addresses:
        return
    if listener is None or not listener.port:
        found.left_out.append(
            "resolverd-anycast: anycast.listen opens no port that is known before it runs; write "
            'listen = "127.0.0.1:9154" into [anycast]'
        )
        return
    hosts = {edge: f"{edge.rpartition(':')[0]}:{listener.port}" for edge in edges}
    if hosts:
        yield {
            "job_name": ANYCAST,
            "static_configs": [
                {"targets": [target], "labels": {"instance": edge}}
                for edge, target in hosts.items()
            ],
        }


def _endpoints(config: Config, found: _Found) -> None:
    """The pages of each endpoint, once for all services that it serves."""
    targets = probe_targets(config)
    services: dict[str, list[str]] = {}
    first: dict[str, ProbeTarget] = {}
    for (service, _), ids in targets.ids.items():
        for id_ in ids:
            target = targets.by_id[id_]
            services.setdefault(target.name, []).append(service)
            first.setdefault(target.name, target)
    for name, target in first.items():
        if not isinstance(target.settings, InferenceSettings):
            found.left_out.append(
                f"{name}: no page of metrics is known of an endpoint that is probed as "
                f'"{target.settings.kind}"; kind = "vllm" or "openai" has one'
            )
            continue
        labels = {
            "region": target.region,
            "endpoint": name,
            "service": ",".join(services[name]),
            "model": target.settings.model,
        }
        for url in _pages(target.endpoint.url, target.settings):
            _add(found, target.region, name, url, target.settings, labels)


def _pages(url: str, settings: InferenceSettings) -> list[str]:
    """Where the counters of an endpoint are: of each worker behind a front door, else its own."""
    workers: tuple[str, ...] = getattr(settings, "workers", ())
    if workers:
        return [f"{worker.rstrip('/')}/metrics" for worker in workers]
    return [settings.metrics_url or f"{url.rstrip('/')}/metrics"]


def _gpus(config: Config, found: _Found) -> None:
    for name, region in config.region.items():
        for url in region.gpu_metrics:
            _add(found, f"{name}-gpus", name, url, None, {"region": name})


def _add(
    found: _Found, job: str, whose: str, url: str, settings: Probe | None, labels: Mapping[str, str]
) -> None:
    parts = urlsplit(url)
    if parts.username or parts.password:
        found.left_out.append(
            f"{whose}: {shown_url(url)} has a password; write a job with basic_auth and its "
            "password_file for it"
        )
        return
    if secrets := " and ".join(secret_parts(url)):
        found.left_out.append(
            f"{whose}: {shown_url(url)} has {secrets} in its query, which looks like a secret; "
            "write a job for it where nobody else can read it"
        )
        return
    port = parts.port or (443 if parts.scheme == "https" else 80)
    how: Json = {"scheme": parts.scheme, "metrics_path": parts.path or "/metrics"}
    if parts.query:
        how["params"] = parse_qs(parts.query, keep_blank_values=True)
    if isinstance(settings, HttpSettings):
        how |= _credentials(found, whose, settings, tls=parts.scheme == "https")
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    found.pages.append(_Page(job, f"{host}:{port}", how, labels))


def _credentials(found: _Found, whose: str, settings: HttpSettings, *, tls: bool) -> Json:
    """How the probe shows who it is, and checks who answers."""
    made: Json = {}
    if settings.credential:
        made["authorization"] = {"type": "Bearer", "credentials_file": settings.credential}
    if tls:
        made["tls_config"] = {
            key: value
            for key, value in {
                "ca_file": settings.ca,
                "server_name": settings.sni,
                "cert_file": settings.client_certificate,
                "key_file": settings.client_key or settings.client_certificate,
                "insecure_skip_verify": not settings.verify_tls,
            }.items()
            if value
        }
    files = (settings.credential, settings.ca, settings.client_certificate, settings.client_key)
    for name in files:
        if name and not name.startswith("/"):
            found.left_out.append(
                f'{whose}: systemd gives resolverd the file "{name}"; put it beside this file for '
                "Prometheus to read"
            )
    if settings.headers or settings.host:
        found.left_out.append(
            f"{whose}: its probe sends headers of its own, which are not written here"
        )
    return made


def _jobs(pages: Iterable[_Page]) -> Iterator[Json]:
    """One job for all pages of a region that are reached alike; names are unique."""
    grouped: dict[str, list[tuple[Json, list[Json]]]] = {}
    for page in pages:
        alike = grouped.setdefault(page.job, [])
        static = {"targets": [page.target], "labels": dict(page.labels)}
        for how, statics in alike:
            if how == page.how:
                statics.append(static)
                break
        else:
            alike.append((page.how, [static]))
    taken = set(grouped)
    for name, alike in grouped.items():
        numbers = count(2)
        for number, (how, statics) in enumerate(alike):
            # A region may be called as another one's second job would be.
            job = name
            while number and job in taken:
                job = f"{name}-{next(numbers)}"
            taken.add(job)
            yield {"job_name": f"inference-{job}", **how, "static_configs": statics}
