"""The options of systemd/vllm@.service, judged by the vLLM that is to take them."""

from __future__ import annotations

import asyncio
import json
import shlex
from typing import Any

import pytest
from real_vllm import PYTHON, ROOT, SECONDS_TO_READY

_PARSE = """
import json, sys
from vllm.entrypoints.launchers.cli_args import make_arg_parser
from vllm.utils.argparse_utils import FlexibleArgumentParser

parsed = make_arg_parser(FlexibleArgumentParser()).parse_args(sys.argv[1:])
print("PARSED", json.dumps(vars(parsed), default=str))
"""


@pytest.mark.quick
async def test_it_serves_the_configured_model_unquantized_over_two_gpus() -> None:
    parsed = await _parsed(_arguments())
    assert {
        name: parsed[name]
        for name in (
            *("model_tag", "port", "tensor_parallel_size", "max_model_len"),
            *("gpu_memory_utilization", "quantization", "dtype"),
        )
    } == {
        "model_tag": "meta-llama/Llama-3.1-70B-Instruct",
        "port": 8000,
        "tensor_parallel_size": 2,
        "max_model_len": 16384,
        "gpu_memory_utilization": 0.90,
        "quantization": None,
        "dtype": "auto",
    }
    stop = next(row for row in _unit() if row.startswith("TimeoutStopSec="))
    assert parsed["shutdown_timeout"] < int(stop.partition("=")[2].removesuffix("s"))


def _unit() -> list[str]:
    text = (ROOT / "systemd" / "vllm@.service").read_text()
    return text.replace("\\\n", " ").replace("%i", "8000").splitlines()


def _arguments() -> list[str]:
    (command,) = (row for row in _unit() if row.startswith("ExecStart="))
    program, verb, *arguments = shlex.split(command.partition("=")[2])
    assert (program, verb) == ("/opt/vllm/bin/vllm", "serve")
    return arguments


async def _parsed(arguments: list[str]) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        *(str(PYTHON), "-c", _PARSE, *arguments),
        cwd="/",  # this directory would hide the package of the same name
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(SECONDS_TO_READY):
        printed, _ = await process.communicate()
    assert process.returncode == 0
    (row,) = (row for row in printed.decode().splitlines() if row.startswith("PARSED "))
    parsed: dict[str, Any] = json.loads(row.removeprefix("PARSED "))
    return parsed
