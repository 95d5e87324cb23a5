"""Which metrics of which server mean what: a table.

Sources, and the pages that hold each in the tests, with their versions: tests/health/load_pages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Metric(NamedTuple):
    """A number made of one metric's samples: their sum, or their mean (`mean`) for a share.

    Of several spellings the first on the page counts. Only samples with `labels` count, where an
    empty value is that of a label that is not there. `scale`
    multiplies the number, and so does the value of the metric `times`: an average, by how many.
    """

    names: tuple[str, ...]
    mean: bool = False
    labels: tuple[tuple[str, str], ...] = ()
    scale: float = 1.0
    times: str = ""


def total(*names: str, **labels: str) -> Metric:
    """The sum of the samples with such labels."""
    return Metric(names, labels=tuple(labels.items()))


def share(*names: str, scale: float = 1.0, **labels: str) -> Metric:
    """The mean of shares from 0 to 1."""
    return Metric(names, mean=True, labels=tuple(labels.items()), scale=scale)


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of page: the beginnings of names that it is known by, and what is read from it.

    `tokens` and `work` are counters. `model` are the labels that name a model: samples of another
    model than the expected one do not count.
    """

    name: str
    marks: tuple[str, ...]
    running: Metric | None = None
    waiting: Metric | None = None
    kv_usage: Metric | None = None
    tokens: tuple[Metric, ...] = ()
    work: tuple[Metric, ...] = ()
    model: tuple[str, ...] = ("model_name", "model")


_VLLM = Format(
    "vllm",
    ("vllm:",),
    running=total("vllm:num_requests_running"),
    waiting=total("vllm:num_requests_waiting"),
    kv_usage=share("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"),
    tokens=(total("vllm:prompt_tokens_total"), total("vllm:generation_tokens_total")),
    work=(total("vllm:iteration_tokens_total_count"),),
)
_SGLANG = Format(
    "sglang",
    ("sglang:",),
    # With priority scheduling each priority has a sample of its own beside the sum.
    running=total("sglang:num_running_reqs", priority=""),
    waiting=total("sglang:num_queue_reqs", priority=""),
    kv_usage=share("sglang:token_usage"),
    tokens=(total("sglang:prompt_tokens_total"), total("sglang:generation_tokens_total")),
    # The two above count a request when it is finished; this one counts each step.
    work=(total("sglang:realtime_tokens_total"),),
)
_TGI = Format(
    "tgi",
    ("tgi_",),
    running=total("tgi_batch_current_size"),
    waiting=total("tgi_queue_size"),
    tokens=(total("tgi_request_input_length_sum"), total("tgi_request_generated_tokens_sum")),
    work=(total("tgi_batch_inference_count"),),
)
_LLAMA_CPP = Format(
    "llama.cpp",
    ("llamacpp:",),
    running=total("llamacpp:requests_processing"),
    waiting=total("llamacpp:requests_deferred"),
    kv_usage=share("llamacpp:kv_cache_usage_ratio"),
    tokens=(total("llamacpp:prompt_tokens_total"), total("llamacpp:tokens_predicted_total")),
    # Grows with each batch, while the token counters stand still for a whole prompt.
    work=(total("llamacpp:n_decode_total"),),
)
_LITELLM = Format(
    "litellm",
    ("litellm_",),
    running=total("litellm_in_flight_requests"),
    tokens=(total("litellm_total_tokens_metric_total", "litellm_total_tokens_total"),),
    model=("requested_model",),
)
_VLLM_ROUTER = Format(
    "vllm-router",
    ("vllm_router_",),
    running=total("vllm_router_running_requests"),
)
_SGLANG_ROUTER = Format(
    "sglang-router",
    ("smg_", "sgl_router_"),
    running=total("smg_worker_requests_active", "sgl_router_running_requests"),
)
_DYNAMO = Format(
    "dynamo",
    ("dynamo_",),
    # The frontend counts what waits among what is in flight.
    running=total("dynamo_frontend_inflight_requests", "dynamo_component_inflight_requests"),
    waiting=total("dynamo_frontend_queued_requests"),
    kv_usage=share(
        "dynamo_component_gpu_cache_usage_percent",
        "dynamo_component_kvstats_gpu_cache_usage_percent",
    ),
    tokens=(
        total("dynamo_frontend_input_sequence_tokens_sum"),
        total("dynamo_frontend_output_tokens_total", "dynamo_frontend_output_sequence_tokens_sum"),
    ),
)
_TRTLLM = Format(
    "tensorrt-llm",
    ("trtllm_",),
    running=total("trtllm_num_requests_running"),
    waiting=total("trtllm_num_requests_waiting"),
    kv_usage=share("trtllm_kv_cache_utilization"),
    tokens=(total("trtllm_prompt_tokens_total"), total("trtllm_generation_tokens_total")),
)
_TRITON = Format(
    "triton",
    ("nv_trt_llm_",),
    running=total("nv_trt_llm_request_metrics", request_type="scheduled"),
    waiting=total("nv_trt_llm_request_metrics", request_type="waiting"),
    kv_usage=share("nv_trt_llm_kv_cache_block_metrics", kv_cache_block_type="fraction"),
)
_POOL = Format(
    "inference-pool",
    ("inference_pool_",),
    running=Metric(("inference_pool_average_running_requests",), times="inference_pool_ready_pods"),
    waiting=Metric(("inference_pool_average_queue_size",), times="inference_pool_ready_pods"),
    kv_usage=share("inference_pool_average_kv_cache_utilization"),
    model=(),
)
_LLM_D = Format(
    "llm-d",
    ("llm_d_epp_",),
    running=Metric(("llm_d_epp_average_running_requests",), times="llm_d_epp_ready_endpoints"),
    waiting=Metric(("llm_d_epp_average_queue_size",), times="llm_d_epp_ready_endpoints"),
    kv_usage=share("llm_d_epp_average_kv_cache_utilization"),
    model=(),
)

# In the order in which a page is tried: an engine's own names tell more than its router's.
FORMATS: tuple[Format, ...] = (
    _VLLM, _SGLANG, _TGI, _LLAMA_CPP, _TRTLLM, _TRITON, _POOL, _LLM_D, _DYNAMO, _VLLM_ROUTER,
    _SGLANG_ROUTER, _LITELLM,
)  # fmt: skip
