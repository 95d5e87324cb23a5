"""A real vLLM that is not what is expected, and one that does not take our key."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest
from heard import complete
from real_vllm import Vllm, vllm
from steered import INTERVAL, NEAR, steering
from tiny_llama import MAX_MODEL_LEN

pytestmark = pytest.mark.asyncio(loop_scope="session")

KEY, OTHER_KEY = "sk-the-right-one", "sk-the-wrong-one"


@pytest.mark.quick
@pytest.mark.parametrize(
    ("expected", "reason"),
    [
        ('model = "tiny/another-llama"', "serves tiny/random-llama, not tiny/another-llama"),
        ("max_model_len = 16384", f"max_model_len is {MAX_MODEL_LEN}, not 16384"),
        ('version = "0.7.2"', "version is 0.32.0, not 0.7.2"),
        ('fingerprint = "vllm-0.7.2-00000000"', "not vllm-0.7.2-00000000"),
    ],
)
async def test_what_is_not_as_expected_is_never_an_answer(
    near: Vllm, far: Vllm, tmp_path: Path, expected: str, reason: str
) -> None:
    async with steering(tmp_path, near.url, far.url, probe=expected) as steered:
        await asyncio.sleep(INTERVAL)
        assert steered.rounds
        assert not any(round_.share(NEAR) for round_ in steered.rounds)
        (withdrawn,) = steered.withdrawals("near")
        assert reason in withdrawn


async def test_a_key_that_is_taken_no_more_withdraws_nothing_and_is_never_told(
    model: Path, far: Vllm, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """Whoever changed it on one side only has made no server worse."""
    key = tmp_path / "key"
    key.write_text(f"{KEY}\n")
    async with (
        vllm(model, "--api-key", KEY) as near,
        steering(tmp_path, near.url, far.url, probe=f'credential = "{key}"') as steered,
    ):
        assert (await complete(http, near.url)).status == 401
        await steered.settled(NEAR, 60.0)
        key.write_text(f"{OTHER_KEY}\n")
        await asyncio.sleep(4 * INTERVAL)
        assert all(round_.share(NEAR) == 1.0 for round_ in steered.rounds)
        assert steered.transitions() == []
        assert steered.events("endpoint.alarm", condition="misconfigured")
        assert KEY not in steered.log
        assert OTHER_KEY not in steered.log
