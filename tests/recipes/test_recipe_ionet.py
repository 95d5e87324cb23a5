"""docs/recipes/ionet.md, followed but for its calls of io.net's API, which has no account here."""

from __future__ import annotations

import json
from pathlib import Path

from harness.namespace import needs_root
from recipes.page import blocks, follow, servers

pytestmark = needs_root
API = "https://api.io.solutions/enterprise/v1/io-cloud/caas"
KEY = '-H "x-api-key: $IOCLOUD_API_KEY"'
TWO = ("192.0.2.10", "192.0.2.20")
LLAMA = "meta-llama/Llama-3.1-70B-Instruct"
# What io.net's reference has for POST /caas/deploy: its own fields, and those of the containers.
BODY = {
    *("resource_private_name", "duration_hours", "gpus_per_container", "hardware_id"),
    *("location_ids", "container_config", "registry_config"),
}
CONTAINER = {
    *("replica_count", "env_variables", "secret_env_variables", "entrypoint", "args"),
    "traffic_port",
}


def test_the_page_of_ionet_leads_to_answers(tmp_path: Path) -> None:
    with servers() as hosts:
        elsewhere = {
            f"$ curl {KEY} --json @us-east.json {API}/deploy": lambda: hosts.start(LLAMA, *TWO),
            f"$ curl {KEY} -o workers/us-east.json {API}/deployment/$ID/containers": lambda: None,
            f"$ curl -X DELETE {KEY} {API}/deployment/$ID": lambda: hosts.stop("192.0.2.10"),
        }
        follow("ionet.md", tmp_path, hosts.place, elsewhere)


def test_the_body_of_a_deployment_has_the_fields_of_the_reference_and_no_others() -> None:
    (text,) = (block.text for block in blocks("ionet.md") if block.title == "us-east.json")
    body = json.loads(text)
    assert body.keys() == BODY
    assert body["container_config"].keys() <= CONTAINER
    assert body["registry_config"].keys() <= {"image_url", "registry_username", "registry_secret"}
