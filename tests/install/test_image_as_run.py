"""The shipped image as docs/containers.md has it built, and docs/kubernetes.md run."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from resolverd.cli import parser

ROOT = Path(__file__).parents[2]
CONTAINERFILE = (ROOT / "Containerfile").read_text()
PAGES = ("docs/containers.md", "Containerfile", ".ci/container")


@pytest.mark.parametrize("page", PAGES)
def test_it_is_built_in_the_format_that_has_a_health_check(page: str) -> None:
    """podman and buildah pass HEALTHCHECK over, with a warning, in an image of OCI's."""
    assert "\nHEALTHCHECK " in CONTAINERFILE
    builds = re.findall(r"^.*(?:podman|buildah) build .*$", (ROOT / page).read_text(), re.MULTILINE)
    assert builds
    assert all("--format docker" in build for build in builds)


def test_a_pod_keeps_what_the_image_keeps_and_has_its_socket_there() -> None:
    (command,) = re.findall(r"^CMD (\[.*\])", unwrapped(), re.MULTILINE)
    image = told(json.loads(command))
    pod = pod_of_the_page()
    (daemon,) = (c for c in pod["containers"] if c["args"][0] == "serve")
    assert told(daemon["args"]) == image
    (volume,) = re.findall(r"^VOLUME (\S+)", CONTAINERFILE, re.MULTILINE)
    assert image["server.state"] == volume
    mounts = {mount["mountPath"]: mount["name"] for mount in daemon["volumeMounts"]}
    assert mounts[volume] in {each["name"] for each in pod["volumes"]}


def unwrapped() -> str:
    """The Containerfile with one line for each instruction."""
    return CONTAINERFILE.replace("\\\n", " ")


def told(arguments: list[str]) -> dict[str, Any]:
    """What arguments say: the file, the log's format, and each --set."""
    found = parser(arguments).parse_args(arguments)
    return {"config": str(found.config), "log": found.log, **dict(found.overrides)}


def pod_of_the_page() -> dict[str, Any]:
    """The pod of docs/kubernetes.md."""
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/kubernetes.md").read_text(), re.DOTALL)
    documents = [*yaml.safe_load_all("---\n".join(blocks))]  # type: ignore[no-untyped-call]
    (pod,) = (d["spec"]["template"]["spec"] for d in documents if d["kind"] == "Deployment")
    return dict(pod)
