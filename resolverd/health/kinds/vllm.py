"""The `vllm` kind: an endpoint serves when its engine is seen to make progress, or a token."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from pydantic import model_validator

from resolverd.config.finding import Finding
from resolverd.config.options import option
from resolverd.config.probed_endpoint import ProbedEndpoint
from resolverd.config.toml_values import toml_value
from resolverd.config.types import Duration, UrlText
from resolverd.health.inference import InferenceReadings
from resolverd.health.kinds.inference import (
    JSON,
    METRICS,
    InferenceSettings,
    check_credential,
    check_http_urls,
    check_inference,
    over_http,
    reach,
)
from resolverd.health.kinds.kind import Kind

if TYPE_CHECKING:
    from resolverd.health.probes.run import Ask
    from resolverd.health.probes.tools import Tools


class VllmProbe(InferenceSettings):
    """A vLLM server, to prove that it works."""

    kind: Literal["vllm"] = "vllm"
    version: str = option("", "The version that the server must tell; empty compares none.")
    canary_timeout: Duration = option(
        4.5,
        "Time that a canary may take where /metrics cannot be read, if its headers came "
        "within `timeout`; of a server that is full and hides its counters nothing else tells that "
        "it works. Gateways give up after 5 s.",
        unit="seconds",
        minimum=0.01,
        maximum=300,
    )
    degraded: Literal["serve", "down"] = option(
        "serve",
        "What becomes of an endpoint of which a part hangs or fails: it serves with so "
        "much less capacity, or each such probe is a failure.",
    )
    workers: tuple[UrlText, ...] = option(
        (),
        "URLs of the servers behind a front door that hides them; the progress of each "
        "is read below it, and canaries go through the front door.",
        max_items=64,
    )

    @property
    def longest(self) -> float:
        """The most seconds that a probe may take."""
        return max(self.timeout, self.canary_timeout)

    def urls(self, url: str) -> tuple[str, ...]:
        """That itself, and the workers, or else where the page of metrics is."""
        return (url, *self.workers) if self.workers else super().urls(url)

    @model_validator(mode="after")
    def _workers_are_over_http(self) -> VllmProbe:
        right = [over_http(url, "http://192.0.2.10:8000/metrics") for url in self.workers]
        check_http_urls("workers", self.workers, toml_value(right))
        return self


def check(settings: VllmProbe, asked: ProbedEndpoint) -> Iterator[Finding]:
    """What holds of all inference servers, and of workers too."""
    yield from check_inference(settings, asked)
    workers = {("workers", number): url for number, url in enumerate(settings.workers)}
    yield from check_credential(settings, asked, workers)


def prepare(url: str, settings: VllmProbe, tools: Tools) -> Ask:
    """See `health.probes.vllm`."""
    from resolverd.health.probes.vllm_ask import VllmAsk

    return VllmAsk(url, settings, tools)


KIND = Kind(
    VllmProbe,
    prepare,
    InferenceReadings,
    reach=reach,
    check=check,
    metrics=METRICS,
    json=JSON,
    lists_models=True,
    tells_flow=True,
)
