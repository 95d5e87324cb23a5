"""Which secrets a configuration holds that should stand in files of their own; pure.

Such a file may be closed to those who may read the configuration, and is never shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from resolverd.config.layers import written
from resolverd.config.model import Config
from resolverd.config.positions import Path as KeyPath
from resolverd.config.probe_layers import layers_of
from resolverd.config.secrets import names_a_secret, secret_parts

_PROBED = 'write the token alone into a file, and credential = "/path/of/that/file" into probe'
_NATS = (
    'write credentials = "fleet.creds" into [fleet], the file of a user that the operator of NATS '
    "makes, or client_certificate"
)
_PAGE = (
    "leave it out: {} sends no secret but what stands here. Open the page to this edge's address "
    "alone, or have a proxy beside it add the secret"
)


class WrittenSecret(NamedTuple):
    """Where one stands, the id of the check, what is wrong, and what to write instead."""

    path: KeyPath
    check: str
    message: str
    hint: str = _PROBED


def written_secrets(config: Config) -> Iterator[WrittenSecret]:
    """Every secret in a URL, a path or a header."""
    for path, url in _urls(config):
        if parts := " and ".join(secret_parts(url)):
            message = f"{parts} in the URL, for all who read this file"
            yield WrittenSecret(path, "config-secret-in-url", message, _hint(path))
    for path, probe in layers_of(config):
        options = written(probe)
        for header in options.get("headers", ()):
            if names_a_secret(header):
                yield WrittenSecret(
                    (*path, "headers", header),
                    "config-secret-in-header",
                    f"the value of {header} stands here for all who read this file",
                )
        if parts := " and ".join(secret_parts(f"://{options.get('path', '')}")):
            yield WrittenSecret(
                (*path, "path"),
                "config-secret-in-url",
                f"{parts} in the path, for all who read this file",
            )


def _hint(path: KeyPath) -> str:
    """What is to be written in place of a secret in the URL at `path`."""
    if path[0] == "fleet":
        return _NATS
    if path[0] == "region" and path[2] in ("gpu_metrics", "rtt"):
        return _PAGE.format(path[2])
    return _PROBED


def _urls(config: Config) -> Iterator[tuple[KeyPath, str]]:
    for name, region in config.region.items():
        for index, endpoint in enumerate(region.endpoint):
            yield ("region", name, "endpoint", index, "url"), endpoint.url
        for index, url in enumerate(region.gpu_metrics):
            yield ("region", name, "gpu_metrics", index), url
        for index, url in enumerate(region.rtt):
            yield ("region", name, "rtt", index), url
    for index, url in enumerate(config.fleet.urls):
        yield ("fleet", "urls", index), url
    for path, probe in layers_of(config):
        for key, value in written(probe).items():
            if isinstance(value, str) and "://" in value:
                yield (*path, key), value
            elif isinstance(value, tuple):
                for index, item in enumerate(value):
                    if isinstance(item, str) and "://" in item:
                        yield (*path, key, index), item
