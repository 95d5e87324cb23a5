"""What all kinds of probe have in common: when an endpoint is asked, and what its outcomes count.

    Probe ◄── a kind's settings    all its options, each with a default; `kind` says which

A kind declares its settings as a class derived from `Probe` (`health/kinds/`), whose `kind` is the
one name that it stands for; so complete settings are always those of one kind. `probe_layers` makes
of them what operators write.
"""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import model_validator

from resolverd.config.options import Section, contradiction, option
from resolverd.config.secrets import secrets_of
from resolverd.config.types import Duration


class Probe(Section):
    """`[probe]`: how endpoints are asked; services, regions and endpoints may override it."""

    # Whether one outcome of this kind may take an endpoint down, whatever `fall` is.
    may_withdraw: ClassVar[bool] = False
    # Options that say when an endpoint is asked, and not how it is judged.
    schedule: ClassVar[frozenset[str]] = frozenset(
        {"interval", "fast_interval", "certificate_days"}
    )

    kind: str = option("http", "What is asked.")
    certificate_days: float = option(
        14.0,
        "A server's certificate that ends sooner than this is warned about; 0 never warns.",
        unit="days",
        minimum=0,
        maximum=3650,
    )
    interval: Duration = option(
        5.0, "Time between probes while all is well.", unit="seconds", minimum=0.1, maximum=3600
    )
    fast_interval: Duration = option(
        1.0,
        "Time between probes from the first failure until settled.",
        unit="seconds",
        minimum=0.05,
        maximum=3600,
    )
    timeout: Duration = option(
        2.0, "Time after which a probe has failed.", unit="seconds", minimum=0.01, maximum=300
    )
    fall: int = option(
        3,
        "Consecutive failures that take an endpoint down.",
        unit="failures",
        minimum=1,
        maximum=100,
    )
    rise: int = option(
        2,
        "Consecutive successes that bring an endpoint up.",
        unit="successes",
        minimum=1,
        maximum=100,
    )
    max_failure_ratio: float = option(
        0.3,
        "Share of failed probes above which an endpoint goes down although fewer than `fall` are "
        "in a row; a larger one bears more, 1 any.",
        minimum=0.01,
        maximum=1,
    )
    flap_damping: Duration = option(
        3600.0,
        "Time that a fall is held against an endpoint: its first return is free, another within "
        "this time of the first fall waits for the end of it, so that there are at most four "
        "changes in any such time. A longer one keeps clients in their place, and a flapping "
        "endpoint away, for longer; 0 believes each return.",
        unit="seconds",
        minimum=0,
        maximum=86_400,
    )

    def asks_alike(self, other: Probe) -> bool:
        """Whether `other` would judge an endpoint by the same question and the same rules.

        When it is asked, and how often it may be, decides nothing.
        """
        mine, others = self.model_dump(exclude={*self.schedule}), other.model_dump()
        return mine == {name: others[name] for name in others.keys() - other.schedule}

    @property
    def longest(self) -> float:
        """The most seconds that a probe may take."""
        return self.timeout

    @property
    def asked_model(self) -> str:
        """The model that a probe asks for; empty where it asks for none, or none is known."""
        return ""

    def asking_for(self, model: str) -> Self:
        """The same, asking for `model`, where the kind asks for one."""
        return self

    def urls(self, url: str) -> tuple[str, ...]:
        """Below which URLs a probe of `url` asks: that itself first, then those of its options."""
        return (url,)

    def secrets(self, url: str) -> tuple[str, ...]:
        """What is sent to `url` and never shown, the longest first."""
        return secrets_of(url, {}, "", "")

    @model_validator(mode="after")
    def _fast_is_faster(self) -> Probe:
        if self.fast_interval > self.interval:
            raise contradiction(
                f"fast_interval ({self.fast_interval:g} s) is longer than interval "
                f"({self.interval:g} s)",
                f'write fast_interval = "{self.interval:g}s", or less',
                *("fast_interval", "interval"),
            )
        return self
