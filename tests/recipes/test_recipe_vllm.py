"""docs/recipes/vllm.md, followed by whoever has servers of vLLM's API at its addresses."""

from __future__ import annotations

from pathlib import Path

from harness.namespace import needs_root
from recipes.page import Servers, follow, servers

LLAMA = "meta-llama/Llama-3.1-70B-Instruct"
SERVE = f"vllm serve {LLAMA} --host 0.0.0.0 --port 8000 --tensor-parallel-size 2"


def follow_with(hosts: Servers, folder: Path) -> None:
    """Follow the page where these are the hosts."""
    hosts.place.address("192.0.2.40/32")
    elsewhere = {
        f"use-1$ {SERVE}": lambda: hosts.start(LLAMA, "192.0.2.10", "192.0.2.20"),
        "euw-1$ systemctl stop vllm@8000": lambda: hosts.stop("192.0.2.20"),
        "usw-1$ vllm serve Qwen/Qwen3-8B --host 0.0.0.0 --port 8000": lambda: hosts.start(
            "Qwen/Qwen3-8B", "192.0.2.30"
        ),
    }
    follow("vllm.md", folder, hosts.place, elsewhere)


@needs_root
def test_the_page_of_plain_vllm_leads_to_answers(tmp_path: Path) -> None:
    with servers() as hosts:
        follow_with(hosts, tmp_path)
