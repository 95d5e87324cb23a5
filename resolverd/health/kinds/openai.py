"""The `openai` kind: any server of OpenAI's API serves when it answers a canary whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import model_validator

from resolverd.config.load_mapping import check_mapping
from resolverd.config.options import contradiction, option
from resolverd.health.inference import InferenceReadings
from resolverd.health.kinds.inference import (
    JSON,
    METRICS,
    InferenceSettings,
    check_inference,
    reach,
)
from resolverd.health.kinds.kind import Kind

if TYPE_CHECKING:
    from resolverd.health.probes.run import Ask
    from resolverd.health.probes.tools import Tools


class OpenAIProbe(InferenceSettings):
    """Any server or gateway of OpenAI's API, to prove that it works."""

    kind: Literal["openai"] = "openai"
    canary: Literal["auto", "completions", "chat", "responses", "embeddings", "pooling"] = option(
        "auto",
        "The API that the canary asks; auto takes the first of them, in this order, "
        "that the server has.",
    )
    load_page: Literal[
        "auto", "none", "vllm", "sglang", "tgi", "llama.cpp", "litellm", "vllm-router",
        "sglang-router", "dynamo", "tensorrt-llm", "triton", "inference-pool", "llm-d",
    ] = option(
        "auto",
        "Whose metrics the page of its load holds; auto knows it by the names on it, "
        "none asks for no page.",
    )  # fmt: skip
    load: dict[str, str] = option(
        factory=dict,
        doc="The metrics of any other page that tell `running` and `waiting` "
        "(requests), `kv_usage` (a share from 0 to 1) or `kv_usage_percent`, and counters of "
        '`tokens` and `work`: `{ running = "name", waiting = \'name{label="value"}\' }`.',
    )

    @model_validator(mode="after")
    def _load_is_a_mapping_of_metrics(self) -> OpenAIProbe:
        try:
            check_mapping(self.load)
        except ValueError as error:
            message, _, hint = str(error).partition("; ")
            raise contradiction(message, hint, "load") from error
        return self


def prepare(url: str, settings: OpenAIProbe, tools: Tools) -> Ask:
    """See `health.probes.openai`."""
    from resolverd.health.probes import openai

    return openai.prepare(url, settings, tools)


def asks_load(settings: OpenAIProbe) -> bool:
    """Whether any page is asked for the load."""
    return bool(settings.load) or settings.load_page != "none"


KIND = Kind(
    OpenAIProbe,
    prepare,
    InferenceReadings,
    reach=reach,
    check=check_inference,
    metrics=METRICS,
    json=JSON,
    lists_models=True,
    asks_load=asks_load,
    load_optional=True,
)
