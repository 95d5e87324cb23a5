"""`resolverd register URL --region NAME`: one endpoint, which is asked who it is beforehand.

It is asked as its probe would ask it: with the credential, the TLS options and below the path that
the layers of the configuration give it.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import re
from typing import NamedTuple
from urllib.parse import urlsplit

import aiohttp

from resolverd import log
from resolverd.cli.options import UsageError, coordinates
from resolverd.config.model import Config
from resolverd.config.probe import Probe
from resolverd.config.probe_layers import Merged
from resolverd.config.registered import Dictionaries
from resolverd.config.secrets import shown_url
from resolverd.dns.hostnames import is_address
from resolverd.errors import ExitCode, ResolverdError
from resolverd.health.addresses import AddressBook
from resolverd.health.identity import Identity
from resolverd.health.kinds.http_settings import HttpSettings
from resolverd.health.kinds.inference import InferenceSettings
from resolverd.health.kinds.vllm import VllmProbe
from resolverd.health.probes.credential import CredentialError
from resolverd.health.probes.identify import Expected, Listing, mismatch, read_listing
from resolverd.health.probes.reasons import reason_of
from resolverd.health.probes.tools import Tools
from resolverd.health.probes.vllm_client import VllmClient
from resolverd.loop import run_loop

# Seconds that a server has to say who it is: one that loads a model does not listen yet.
_TIMEOUT = 10.0


class NotAskedError(ResolverdError):
    """An endpoint that does not answer, or does not say who it is."""


class AnotherError(ResolverdError):
    """An endpoint that is not what the service wants."""

    exit_code = ExitCode.PROBLEMS


class Asked(NamedTuple):
    """What is to be registered of an endpoint, and what it says of itself in one line."""

    given: Dictionaries
    said: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the URL, and the options that belong to it."""
    parser.add_argument(
        "url", nargs="?", metavar="URL", help="one endpoint, which is asked who it is"
    )
    parser.add_argument("--region", metavar="NAME", help="the region that it is in")
    parser.add_argument(
        "--coordinates",
        type=coordinates,
        metavar="LATITUDE,LONGITUDE",
        help="where a new region stands, in degrees, such as 50.1,8.7",
    )
    parser.add_argument(
        "--model", metavar="NAME", help="the model that it has to serve (default: the service's)"
    )


def ask(arguments: argparse.Namespace, config: Config, service: str) -> Asked:
    """What the endpoint of the command line says of itself, as dictionaries.

    Raises UsageError, NotAskedError, and AnotherError where it is another than the service's.
    """
    url, region = arguments.url, arguments.region
    if not region:
        raise UsageError("say which region it is in: --region NAME")
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise UsageError(f'"{url}" is no URL of an endpoint, such as http://192.0.2.10:8000')
    known = config.service.get(service)
    wanted = arguments.model or (known.model_in(region) if known is not None else "")
    settings = _settings(config, service, region)
    log.configure(level=logging.ERROR)  # what fails is said once, by us
    listing = run_loop(_listing(url, settings, wanted))
    identity = _as_wanted(url, listing, wanted, settings)
    given = Dictionaries(endpoints={region: url})
    if arguments.coordinates:
        given.coordinates[region] = arguments.coordinates
    if arguments.model or not wanted:
        given.models[region] = wanted or identity.models[0]
    return Asked(given, _said(identity))


def file_name(arguments: argparse.Namespace) -> str:
    """What its fragment is called unless the user says so."""
    parts = urlsplit(arguments.url)
    port = f"-{parts.port}" if parts.port else ""
    return re.sub(r"[^A-Za-z0-9.-]", "-", f"{arguments.region}-{parts.hostname}{port}")


def _settings(config: Config, service: str, region: str) -> InferenceSettings:
    """How its probe would ask it, as far as that is about HTTP."""
    layers: list[object] = [config.probe]
    if service in config.service:
        layers.append(config.service[service].probe)
    if region in config.region:
        layers.append(config.region[region].probe)
    merged: Probe = Merged().of(*layers)  # type: ignore[arg-type]
    if isinstance(merged, InferenceSettings):
        return merged
    common = HttpSettings.model_fields.keys() - {"kind", "path"}
    shared = {key: getattr(merged, key) for key in common if isinstance(merged, HttpSettings)}
    return VllmProbe.model_construct(**shared)


async def _listing(url: str, settings: InferenceSettings, wanted: str) -> Listing:
    """What the server lists. Raises NotAskedError."""
    shown = shown_url(url)
    host = urlsplit(url).hostname or ""
    book = AddressBook([] if is_address(host) else [host], local=True)
    tools = Tools(book)
    await book.start()
    until = asyncio.get_running_loop().time() + _TIMEOUT
    try:
        client = VllmClient(url, settings, tools)
        status, models = await client.models(until)
        version = await client.version(until) if status == 200 else None
    except (CredentialError, OSError, aiohttp.ClientError) as error:
        reason = str(error) if isinstance(error, CredentialError) else reason_of(error)
        raise NotAskedError(f"{shown} cannot be asked who it is: {reason}; {_WAIT}") from error
    finally:
        await tools.close()
        await book.stop()
    if status in (401, 403):
        raise NotAskedError(f"{shown} wants a key (HTTP {status}): set credential of its [probe]")
    if status != 200:
        said = "no answer" if status is None else f"HTTP {status}"
        raise NotAskedError(f"{shown}/v1/models: {said}; {_WAIT}")
    return read_listing(models, version, wanted)


_WAIT = "wait until it serves, and register it then"


def _as_wanted(url: str, listing: Listing, wanted: str, settings: InferenceSettings) -> Identity:
    identity, shown = listing.identity, shown_url(url)
    if identity is None:
        said = "it lists no model" if listing.empty else "it does not list its models"
        raise NotAskedError(f"{shown}/v1/models: {said}; {_WAIT}")
    if not wanted:
        if len(identity.models) > 1:
            served = ", ".join(identity.models[:5])
            raise UsageError(f"{shown} serves {served}: say which of them with --model")
        return identity
    version = settings.version if isinstance(settings, VllmProbe) else ""
    expected = Expected(wanted, settings.max_model_len, version)
    if unexpected := mismatch(identity, expected, serves=listing.serves):
        raise AnotherError(
            f"{shown}: {unexpected[1]}; so its probe would never let it answer. Mend the server, "
            "or say with --model what this region serves"
        )
    return identity


def _said(identity: Identity) -> str:
    parts = [", ".join(identity.models[:5])]
    if identity.max_model_len:
        parts.append(f"max_model_len {identity.max_model_len}")
    if identity.version:
        parts.append(f"version {identity.version}")
    return ", ".join(parts)
