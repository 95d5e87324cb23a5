"""The `http` kind: an endpoint serves when its answer has the right status and text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from resolverd.config.finding import Finding
from resolverd.config.options import option
from resolverd.config.probed_endpoint import ProbedEndpoint
from resolverd.config.secrets import secrets_of
from resolverd.health.kinds.http_settings import HttpSettings
from resolverd.health.kinds.kind import Kind
from resolverd.health.readings import Readings

if TYPE_CHECKING:
    from resolverd.health.probes.run import Ask
    from resolverd.health.probes.tools import Tools

# Of vLLM, vllm-router, sglang-router, Dynamo, LiteLLM, Ray Serve and LitServe, among others.
_STATIC_PAGES = frozenset(
    {"/health", "/healthz", "/-/healthz", "/readiness", "/liveness", "/live", "/ping",
     "/health/liveliness", "/health/readiness", "/v1/models", "/version"}
)  # fmt: skip


class HttpProbe(HttpSettings):
    """An HTTP request."""

    kind: Literal["http"] = "http"
    path: str = option("/health", "Path and query of the HTTP request; replaces the URL's own.")
    method: Literal["GET", "HEAD", "POST"] = option("GET", "HTTP method.")
    body: str = option("", "Body of the HTTP request.")
    expect_status: tuple[int, ...] = option((200,), "HTTP status codes that count as success.")
    expect_body: str = option("", "Text that must occur in the first 64 KiB of the response body.")

    def secrets(self, url: str) -> tuple[str, ...]:
        """Those in the URL, the path and the headers, and the body."""
        return secrets_of(url, self.headers, self.body, self.path)


def check(settings: HttpProbe, asked: ProbedEndpoint) -> Iterator[Finding]:
    """That a page which an engine that hangs answers as well is not all that is asked."""
    page = settings.path.partition("?")[0].rstrip("/")
    if asked.serves_models and page in _STATIC_PAGES:
        yield Finding(
            ("service", asked.service), "config-static-page",
            f"its probes ask for {page} alone, which vLLM and most gateways answer with 200 while "
            "their engines hang", 'write kind = "vllm" in [probe], which asks for a token',
            "warning", because=(asked.where("kind"), asked.where("path")),
        )  # fmt: skip


def prepare(url: str, settings: HttpProbe, tools: Tools) -> Ask:
    """See `health.probes.http`."""
    from resolverd.health.probes import http

    return http.prepare(url, settings, tools)


KIND = Kind(HttpProbe, prepare, Readings, check=check)
