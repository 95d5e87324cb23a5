"""`[probe]`: how an endpoint is asked whether it serves; every layer may override any part.

`Probe` is complete and has a default for everything. `ProbeOverride` has the same options,
all unset, and is generated from `Probe`, so that the two cannot drift.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import StringConstraints, model_validator

from resolverd.config.layers import merge, overriding
from resolverd.config.load_mapping import check_mapping
from resolverd.config.options import Section, contradiction, option
from resolverd.config.types import Duration, Hostname

ProbeKind = Literal["tcp", "http", "vllm", "openai"]

# Options that say when an endpoint is asked, and not how it is judged.
_SCHEDULE = {"interval", "fast_interval", "canary_tokens_per_hour", "certificate_days"}


class Probe(Section):
    """`[probe]`: how endpoints are asked; services, regions and endpoints may override it."""

    kind: ProbeKind = option(
        "http",
        "What is asked: a TCP handshake, an HTTP request, a vLLM server to prove that it works, or "
        "any server or gateway of OpenAI's API to do so.",
    )
    path: str = option(
        "/health",
        "Path and query of the HTTP request; replaces the URL's own. Kinds vllm and openai: the "
        "health check, "
        "below the URL's own path.",
    )
    method: Literal["GET", "HEAD", "POST"] = option("GET", "HTTP method.")
    body: str = option("", "Body of the HTTP request.")
    headers: dict[str, str] = option(factory=dict, doc="Headers added to the HTTP request.")
    host: str = option("", "Host header; empty takes the URL's own.")
    sni: Hostname | Literal[""] = option(
        "", "TLS server name (SNI, and the name verified); empty takes the URL's own."
    )
    verify_tls: bool = option(True, "Whether the certificate must be valid for the server name.")
    ca: str = option(
        "",
        "File with the CA certificates that may have signed the server's, in PEM; an absolute "
        "path, or a name that systemd's LoadCredential= gave it. Empty takes this host's.",
    )
    client_certificate: str = option(
        "",
        "File with the certificate, in PEM, that is shown to a server that asks for one; named as "
        "`ca` is, and read again when it changes.",
    )
    client_key: str = option(
        "", "File with its unencrypted key; empty looks for that in `client_certificate`."
    )
    certificate_days: float = option(
        14.0,
        "A server's certificate that ends sooner than this is warned about; 0 never warns.",
        unit="days",
        minimum=0,
        maximum=3650,
    )
    expect_status: tuple[int, ...] = option((200,), "HTTP status codes that count as success.")
    expect_body: str = option("", "Text that must occur in the first 64 KiB of the response body.")
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
        return self.model_dump(exclude=_SCHEDULE) == other.model_dump(exclude=_SCHEDULE)

    @property
    def may_withdraw(self) -> bool:
        """Whether one outcome of this kind may take an endpoint down, whatever `fall` is."""
        return self.asks_for_tokens

    @property
    def asks_for_tokens(self) -> bool:
        """Whether this kind sends canaries, and so needs a model to ask for."""
        return self.kind in ("vllm", "openai")

    model: str = option(
        "",
        "Kinds vllm and openai: the model that the server must serve; empty takes the service's in "
        "the region.",
    )
    max_model_len: int = option(
        0,
        "Kind vllm: the longest context that the server must tell; 0 compares none.",
        unit="tokens",
        minimum=0,
    )
    version: str = option(
        "", "Kind vllm: the version that the server must tell; empty compares none."
    )
    fingerprint: str = option(
        "",
        "Kind vllm: the `system_fingerprint` that its completions must carry; empty compares none.",
    )
    credential: str = option(
        "",
        "File with the bearer token that HTTP requests carry; an absolute path, or a name that "
        "systemd's LoadCredential= gave it.",
    )
    canary_prompt: Annotated[str, StringConstraints(min_length=1, max_length=1000)] = option(
        "Hi",
        "Kinds vllm and openai: what the canary, a completion of two tokens, is asked to complete.",
    )
    canary: Literal["auto", "completions", "chat", "responses", "embeddings", "pooling"] = option(
        "auto",
        "Kind openai: the API that the canary asks; auto takes the first of them, in this order, "
        "that the server has.",
    )
    load_page: Literal[
        "auto", "none", "vllm", "sglang", "tgi", "llama.cpp", "litellm", "vllm-router",
        "sglang-router", "dynamo", "tensorrt-llm", "triton", "inference-pool", "llm-d",
    ] = option(
        "auto",
        "Kind openai: whose metrics the page of its load holds; auto knows it by the names on it, "
        "none asks for no page.",
    )  # fmt: skip
    load: dict[str, str] = option(
        factory=dict,
        doc="Kind openai: the metrics of any other page that tell `running` and `waiting` "
        "(requests), `kv_usage` (a share from 0 to 1) or `kv_usage_percent`, and counters of "
        '`tokens` and `work`: `{ running = "name", waiting = \'name{label="value"}\' }`.',
    )
    canary_max_tokens: int = option(
        16,
        "Kinds vllm and openai: the most tokens that a canary asks for, where the server refuses "
        "(400) to answer in two.",
        unit="tokens",
        minimum=2,
        maximum=256,
    )
    canary_tokens_per_hour: int = option(
        20_000,
        "Kinds vllm and openai: the most that canaries of one endpoint may take. The default is "
        "enough for one every second; one every five takes a fifth of it.",
        unit="tokens per hour",
        minimum=100,
        maximum=10_000_000,
    )

    canary_timeout: Duration = option(
        4.5,
        "Kind vllm: time that a canary may take where /metrics cannot be read, if its headers came "
        "within `timeout`; of a server that is full and hides its counters nothing else tells that "
        "it works. Gateways give up after 5 s.",
        unit="seconds",
        minimum=0.01,
        maximum=300,
    )
    degraded: Literal["serve", "down"] = option(
        "serve",
        "Kind vllm: what becomes of an endpoint of which a part hangs or fails: it serves with so "
        "much less capacity, or each such probe is a failure.",
    )
    metrics_url: str = option(
        "",
        "Kinds vllm and openai: where the page of metrics is, if not below the URL.",
    )
    workers: tuple[str, ...] = option(
        (),
        "Kind vllm: URLs of the servers behind a front door that hides them; the progress of each "
        "is read below it, and canaries go through the front door.",
        max_items=64,
    )

    @property
    def longest(self) -> float:
        """The most seconds that a probe may take."""
        return max(self.timeout, self.canary_timeout) if self.kind == "vllm" else self.timeout

    @model_validator(mode="after")
    def _metrics_are_over_http(self) -> Probe:
        for key, urls in (("metrics_url", (self.metrics_url,)), ("workers", self.workers)):
            if not all(url.startswith(("http://", "https://")) for url in urls if url):
                plain = '"http://192.0.2.10:8000/metrics"'
                raise contradiction(
                    f"{key} has to be an http:// or https:// URL, or empty",
                    f"write {key} = {plain if key == 'metrics_url' else f'[{plain}]'}",
                    key,
                )
        return self

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

    @model_validator(mode="after")
    def _load_is_a_mapping_of_metrics(self) -> Probe:
        try:
            check_mapping(self.load)
        except ValueError as wrong:
            message, _, hint = str(wrong).partition("; ")
            raise contradiction(message, hint, "load") from wrong
        return self

    @model_validator(mode="after")
    def _credentials_are_files(self) -> Probe:
        for name in ("credential", "ca", "client_certificate", "client_key"):
            file = getattr(self, name)
            if "/" in file and not file.startswith("/"):
                raise contradiction(
                    f"{name} is neither an absolute path nor a plain name",
                    f'write {name} = "/etc/resolverd/{name}", the path from the root',
                    name,
                )
        if self.client_key and not self.client_certificate:
            raise contradiction(
                "client_key is set without client_certificate",
                'write client_certificate = "/etc/resolverd/probe.pem" beside it',
                *("client_key", "client_certificate"),
            )
        return self


if TYPE_CHECKING:
    ProbeOverride = Probe
else:
    ProbeOverride = overriding("ProbeOverride", Probe)


def merge_probe(*layers: ProbeOverride | Probe) -> Probe:
    """The complete settings after each layer, broadest first, has overridden what it sets.

    Raises pydantic's ValidationError when the layers contradict one another.
    """
    return merge(Probe, layers)
