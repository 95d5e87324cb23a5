"""What the kinds that ask an inference server for tokens share: options, checks and exports."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import StringConstraints, model_validator

from resolverd.config.finding import Finding
from resolverd.config.options import contradiction, option
from resolverd.config.probed_endpoint import ProbedEndpoint
from resolverd.config.secrets import shown_url
from resolverd.config.toml_values import toml_key, toml_value
from resolverd.config.types import UrlText
from resolverd.health.canary_cost import AT_ONCE, TOKENS, cost, least_budget
from resolverd.health.inference import InferenceReadings
from resolverd.health.kinds.http_settings import HttpSettings
from resolverd.health.kinds.kind import JsonKey, JsonPart, Metric, Samples, json_key

if TYPE_CHECKING:
    from resolverd.health.probes.run import Ask
    from resolverd.health.probes.tools import Tools

_MODEL = "meta-llama/Llama-3.1-8B-Instruct"
_NONE_SENT = "where no canary has been sent"


class InferenceSettings(HttpSettings):
    """Whom a canary asks for what, and how often it may."""

    may_withdraw: ClassVar[bool] = True
    schedule: ClassVar[frozenset[str]] = HttpSettings.schedule | {"canary_tokens_per_hour"}

    path: str = option("/health", "Path and query of the health check, below the URL's own path.")
    model: str = option(
        "",
        "The model that the server must serve; empty takes the service's in the region.",
    )
    max_model_len: int = option(
        0,
        "The longest context that the server must tell; 0 compares none.",
        unit="tokens",
        minimum=0,
    )
    fingerprint: str = option(
        "",
        "The `system_fingerprint` that its completions must carry; empty compares none.",
    )
    canary_prompt: Annotated[str, StringConstraints(min_length=1, max_length=1000)] = option(
        "Hi",
        "What the canary, a completion of two tokens, is asked to complete.",
    )
    canary_max_tokens: int = option(
        16,
        "The most tokens that a canary asks for, where the server refuses (400) to answer in two.",
        unit="tokens",
        minimum=2,
        maximum=256,
    )
    canary_tokens_per_hour: int = option(
        20_000,
        "The most that canaries of one endpoint may take. The default is "
        "enough for one every second; one every five takes a fifth of it.",
        unit="tokens per hour",
        minimum=100,
        maximum=10_000_000,
    )
    metrics_url: UrlText = option(
        "",
        "Where the page of metrics is, if not below the URL.",
    )

    @property
    def asked_model(self) -> str:
        """The model that canaries ask for, and the server must serve."""
        return self.model

    def asking_for(self, model: str) -> Self:
        """The same with `model`, unless a layer of the probe names one itself."""
        return self if self.model else self.model_copy(update={"model": model})

    def urls(self, url: str) -> tuple[str, ...]:
        """That itself, and where the page of metrics is, if elsewhere."""
        return (url, self.metrics_url) if self.metrics_url else (url,)

    @model_validator(mode="after")
    def _metrics_are_over_http(self) -> Self:
        if self.metrics_url:
            right = over_http(self.metrics_url, "http://192.0.2.10:8000/metrics")
            check_http_urls("metrics_url", (self.metrics_url,), toml_value(right))
        return self


def check_http_urls(key: str, urls: Sequence[str], right: str) -> None:
    """Raises a contradiction where one is not of HTTP; `right` is what to write, as TOML."""
    if not all(url.startswith(("http://", "https://")) for url in urls):
        raise contradiction(
            f"{key} has to be an http:// or https:// URL, or empty", f"write {key} = {right}", key
        )


def over_http(url: str, example: str) -> str:
    """`url` if it is of HTTP, or with that scheme where it has none; else `example`."""
    whole = url if "://" in url else f"http://{url}"
    shown = whole.startswith(("http://", "https://")) and shown_url(whole) == whole
    return whole if shown and not re.search(r"\s", whole) else example


def reach(url: str, settings: InferenceSettings, tools: Tools) -> Ask:
    """Whether the health check is answered at all, for tokens cost."""
    from resolverd.health.probes.per_family import prepare_reached

    return prepare_reached(url, settings, tools)


def check_inference(settings: InferenceSettings, asked: ProbedEndpoint) -> Iterator[Finding]:
    """That there is a model to ask for, tokens to ask with, and no credential in the clear."""
    if not settings.model:
        add = (
            f"models.{toml_value(asked.region)} = " if asked.models_by_region else "model = "
        ) + toml_value(_MODEL)
        yield Finding(
            ("service", asked.service), "config-vllm-model",
            f"the {settings.kind} probe of region {asked.region} has no model to ask for",
            f"add {add} to [service.{toml_key(asked.service)}], with the model that is served "
            "there",
            because=(asked.where("kind"),),
        )  # fmt: skip
    yield from _check_budget(settings, asked)
    yield from check_credential(settings, asked, {"metrics_url": settings.metrics_url})


def _check_budget(settings: InferenceSettings, asked: ProbedEndpoint) -> Iterator[Finding]:
    """That the budget holds a canary: one that it does not hold is never sent."""
    prompt, most = settings.canary_prompt, settings.canary_max_tokens
    keys = ("canary_tokens_per_hour", "canary_prompt", "canary_max_tokens")
    at_once = settings.canary_tokens_per_hour / AT_ONCE
    spent = f"and {at_once:g}, a tenth of canary_tokens_per_hour, may be spent at once"
    if (few := cost(prompt)) > at_once:
        yield Finding(
            asked.where(max(keys[:2], key=asked.rank)), "config-canary-budget",
            f"no canary can ever be sent: one may take {few} tokens, {spent}",
            f"write canary_tokens_per_hour = {least_budget(few)}, or a shorter canary_prompt",
            because=tuple(map(asked.where, keys[:2])),
        )  # fmt: skip
    elif most > TOKENS and (both := few + cost(prompt, most)) > at_once:
        yield Finding(
            asked.where(max(keys, key=asked.rank)), "config-canary-max-tokens",
            f"a server that refuses to answer in {TOKENS} tokens can be sent no canary: one of "
            f"{most} may take {both} together with the one that is refused, {spent}",
            f"write canary_tokens_per_hour = {least_budget(both)}, or a lower canary_max_tokens",
            "warning", because=tuple(map(asked.where, keys)),
        )  # fmt: skip


def check_credential(
    settings: HttpSettings, asked: ProbedEndpoint, others: dict[Any, str]
) -> Iterator[Finding]:
    """That the credential goes to no host but over TLS; `others` are URLs by where they stand.

    The key of one is the option's name, or that and its number in a list.
    """
    if not settings.credential:
        return
    places = [((*asked.path, "url"), asked.url)]
    for key, url in others.items():
        name, *number = key if isinstance(key, tuple) else (key,)
        places.append(((*asked.where(name), *number), url))
    for path, url in places:
        parts = urlsplit(url)
        if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
            name = "" if isinstance(path[-1], int) else f"{path[-1]} = "
            yield Finding(
                path, "config-credential-clear",
                f"the credential of its probe is sent to {parts.hostname} in the clear",
                f'write {name}"{shown_url(parts._replace(scheme="https").geturl())}"', "warning",
            )  # fmt: skip


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class OffersPart(JsonPart):
    """What an endpoint lets a probe of kind vllm know."""

    metrics: str = json_key('"readable", or why the page of metrics cannot be read.')
    processes: Literal["one", "several", "unknown"] = json_key(
        "How many processes answer at the URL."
    )
    engines: int = json_key("Engines with series of their own on the page of metrics.")
    models: bool = json_key("Whether the list of models can be read.")
    version: str = json_key("Version of the server; empty where it is unknown.")
    key: str = json_key("Whether the API key is accepted, refused, unknown, or none is sent.")


class CanariesPart(JsonPart):
    """Completions that probes asked for, since the start."""

    sent: int = json_key("Canaries sent.")
    answered: int = json_key("Those that brought a token in time.")
    tokens: int = json_key("Tokens that they may have taken at most.")
    ttft_seconds: float | None = json_key(
        "Seconds to the last canary's first token; null before it."
    )


def _offers(read: InferenceReadings) -> dict[str, Any] | None:
    return read.offers._asdict() if read.offers else None


def _canaries(read: InferenceReadings) -> dict[str, Any]:
    ttft = read.canaries.ttft
    return {
        "sent": read.canaries.sent,
        "answered": read.canaries.answered,
        "tokens": read.canaries.tokens,
        "ttft_seconds": None if ttft is None else round(ttft, 6),
    }


def _sent(read: InferenceReadings) -> Samples:
    yield ("token",), read.canaries.answered
    yield ("none",), read.canaries.sent - read.canaries.answered


def _tokens(read: InferenceReadings) -> Samples:
    yield (), read.canaries.tokens


def _ttft(read: InferenceReadings) -> Samples:
    if read.canaries.ttft is not None:
        yield (), read.canaries.ttft


METRICS = (
    Metric(
        "counter",
        "resolverd_canaries_total",
        "Canaries sent, by whether a token came back in time: token, none.",
        _sent,
        labels=("result",),
        absent=_NONE_SENT,
    ),
    Metric(
        "counter",
        "resolverd_canary_tokens_total",
        "The most tokens that canaries have taken.",
        _tokens,
        absent=_NONE_SENT,
    ),
    Metric(
        "gauge",
        "resolverd_canary_ttft_seconds",
        "Time to the last canary's token.",
        _ttft,
        absent="where no canary has been answered",
    ),
)
JSON = (
    JsonKey(
        "offers", OffersPart, "What it offers; null where its kind of probe does not ask.", _offers
    ),
    JsonKey(
        "canaries", CanariesPart, "Canaries; null where its kind of probe sends none.", _canaries
    ),
)
