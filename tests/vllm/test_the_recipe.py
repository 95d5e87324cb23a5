"""docs/recipes/vllm.md, followed with real vLLM servers at its addresses."""

from __future__ import annotations

from pathlib import Path

from harness.namespace import needs_root
from real_vllm import SECONDS_TO_READY, clean_environment, command
from recipes.page import servers
from recipes.test_recipe_vllm import follow_with


@needs_root
def test_the_page_leads_to_answers_of_real_servers(model: Path, tmp_path: Path) -> None:
    def real(served_as: str, address: str, port: int) -> tuple[list[str], dict[str, str]]:
        # No other address than its own leads anywhere here.
        variables = clean_environment() | {"VLLM_HOST_IP": "127.0.0.1"}
        return command(model, served_as, address, port), variables

    with servers(real, SECONDS_TO_READY) as hosts:
        follow_with(hosts, tmp_path)
