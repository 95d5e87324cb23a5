"""What the demo takes from the configuration, and what it lays over it so that all is on loopback.

Shipped ports are taken where they are free, others where they are not; `overrides` has the
daemon use either.
"""

from __future__ import annotations

import errno
import math
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from yarl import URL

from resolverd.config.load import LoadedConfig, SetOption, load_config
from resolverd.config.model import Admin
from resolverd.config.probe import Probe
from resolverd.config.targets import probe_targets
from resolverd.config.types import Listener
from resolverd.demo.region import MODEL
from resolverd.demo.region_processes import EndpointSpec, RegionProcess
from resolverd.errors import ResolverdError
from resolverd.load.spilling import rule_of

_LOOPBACK = ("127.0.0.1", "::1")


class NoExampleError(ResolverdError):
    """The shipped example is not where the demo looks for it."""


class PortInUseError(ResolverdError):
    """The port that was asked for belongs to somebody else."""


@dataclass(frozen=True)
class ConfigOverlay:
    """The loaded example; `listen` is where the daemon shall listen.

    `any_port`: shipped ports are of no interest: several demos may start at once.
    """

    path: Path
    loaded: LoadedConfig
    listen: tuple[Listener, ...]
    any_port: bool

    @property
    def port_in_use(self) -> int | None:
        """The DNS port that the files say, where it is in use and another has to do."""
        if self.any_port or self.listen[0].port:
            return None
        return self.loaded.config.server.listen[0].port or None

    def port_in_use_of(self, spec: EndpointSpec) -> int | None:
        """The port that the files give an endpoint, where it is in use and another has to do."""
        if self.any_port or spec.port:
            return None
        return URL(self.loaded.config.region[spec.region].endpoint[spec.position].url).port or None

    @property
    def specs(self) -> tuple[EndpointSpec, ...]:
        """Every endpoint to stand in for, on its shipped port if that is free."""
        config = self.loaded.config
        model = next((s.model for s in config.service.values() if s.model), MODEL)
        return tuple(
            EndpointSpec(
                name, index, 0 if self.any_port else _free(URL(endpoint.url).port or 0), model
            )
            for name, region in config.region.items()
            for index, endpoint in enumerate(region.endpoint)
        )

    @property
    def region_of(self) -> dict[str, str]:
        """The region of each endpoint's address."""
        return {
            address: name
            for name, region in self.loaded.config.region.items()
            for endpoint in region.endpoint
            for address in endpoint.address
        }

    @property
    def embedded(self) -> bool:
        """Whether the embedded city table places the clients."""
        return not self.loaded.config.server.geoip

    @property
    def files(self) -> list[Path]:
        """What can be edited while it runs: the configuration and the zones."""
        patterns = [self.loaded.base / zone for zone in self.loaded.config.server.zones]
        zones = [file for p in patterns for file in sorted(p.parent.glob(p.name))]
        return [*self.loaded.files, *zones]

    def targets_of(self, region: str) -> tuple[str, ...]:
        """The ids of the probes that watch a region."""
        by_id = probe_targets(self.loaded.config).by_id
        return tuple(target.id for target in by_id.values() if target.region == region)

    def seconds_to_fall(self, region: str) -> float:
        """The longest time, in seconds, for which a dead region is still answered."""
        return max(
            probe.interval + probe.fall * probe.fast_interval + probe.timeout
            for probe in self._probes(region)
        )

    def seconds_to_withdraw(self, region: str) -> float:
        """The longest that what a single probe can show goes unanswered."""
        return max(probe.interval + probe.timeout for probe in self._probes(region))

    def seconds_to_calm(self, region: str, service: str) -> float:
        """The longest that a region keeps sending clients of a service on, once it is idle.

        Ten readings are enough for their mean to forget how full it was; then each step is taken
        back in its turn.
        """
        rule = rule_of(self.loaded.config.service[service])
        steps = math.ceil(rule.max_ratio / rule.step)
        interval = max(probe.interval for probe in self._probes(region))
        return 10 * interval + (steps + 1) * rule.dwell

    def spills(self, service: str) -> bool:
        """Whether a full region sends clients of a service on."""
        return self.loaded.config.service[service].spill.enabled

    def kind_of_probe(self, region: str) -> str:
        """`probe.kind` of the first probe of the region."""
        return self._probes(region)[0].kind

    def seconds_to_rise(self, region: str) -> float:
        """The longest that it can take the region to be up again, once it is there."""
        return max(
            probe.rise * (probe.fast_interval + probe.timeout) for probe in self._probes(region)
        )

    def warns_before_fall(self, region: str) -> bool:
        """Whether a first failed probe comes before the one that takes the region down."""
        return all(probe.fall > 1 for probe in self._probes(region))

    def _admin_overrides(self) -> list[SetOption]:
        """Another daemon may have the admin port; several demos have none in common."""
        admin = self.loaded.config.admin
        if self.any_port and admin == Admin():
            return [("admin.socket", ""), ("admin.listen", "")]
        if admin.listen is None or _unused(admin.listen):
            return []
        return [("admin.listen", str(Listener(admin.listen.address, 0)))]

    def _probes(self, region: str) -> list[Probe]:
        by_id = probe_targets(self.loaded.config).by_id
        return [target.settings for target in by_id.values() if target.region == region]

    def overrides(self, processes: Sequence[RegionProcess]) -> list[SetOption]:
        """What differs from the files: where the daemon listens, and where it probes."""
        return [
            ("server.listen", [str(listener) for listener in self.listen]),
            *self._admin_overrides(),
            *((f"region.{p.spec.region}.endpoint.{p.spec.position}.url", p.url) for p in processes),
        ]


def load_config_overlay(
    path: Path, overrides: Sequence[SetOption], port: int | None
) -> ConfigOverlay:
    """Read the example at `path`. `port` None prefers the shipped one, 0 takes any
    (for the regions too).

    Raises NoExampleError, PortInUseError, or ConfigError with every problem.
    """
    if not path.exists():
        raise NoExampleError(
            f"{path} is not here, and the demo serves the example that it stands for.\n"
            "Run it in a checkout of resolverd, or name the file: resolverd demo --config FILE"
        )
    loaded = load_config(path, overrides)
    listen = _listen(loaded.config.server.listen[0].port, port)
    return ConfigOverlay(path, loaded, listen, any_port=port == 0)


def _listen(shipped: int, wanted: int | None) -> tuple[Listener, ...]:
    """Both families of loopback on one port; IPv4 alone where the other has to differ."""
    port = shipped if wanted is None else wanted
    usable = tuple(Listener(address, port) for address in _LOOPBACK if _has(address))
    if port and all(map(_unused, usable)):
        return usable
    if wanted:
        raise PortInUseError(
            f"port {wanted} of loopback is in use; --port 0 takes any that is free"
        )
    return (Listener("127.0.0.1", 0),)


def _free(port: int) -> int:
    return port if _unused(Listener("127.0.0.1", port)) else 0


def _has(address: str) -> bool:
    return _error_of_binding(Listener(address, 0), socket.SOCK_DGRAM) == 0


def _unused(listener: Listener) -> bool:
    return all(
        _error_of_binding(listener, kind) == 0 for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM)
    )


def _error_of_binding(listener: Listener, kind: socket.SocketKind) -> int:
    """The errno that binding meets, or 0. A port held with SO_REUSEPORT counts as in use."""
    family = socket.AF_INET6 if ":" in listener.address else socket.AF_INET
    try:
        with socket.socket(family, kind) as tried:
            if kind is socket.SOCK_STREAM:
                tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind((listener.address, listener.port))
    except OSError as error:
        return error.errno or errno.EINVAL
    return 0
