"""The bill of materials of a release, in CycloneDX 1.6 (JSON).

cyclonedx-bom lists the Python packages: those of the lock file, installed from it with their hashes
into an environment of their own beside the wheel, so that licences and the graph of who needs whom
are those of what is installed. What is in the wheel and is no Python package is added here.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from release.compiler import ROOT, Compiler

_VERSION = SchemaVersion.V1_6


def write(wheel: Path, rustc: Compiler, path: Path) -> None:
    """Write to `path` what the `wheel`, whose library `rustc` compiled, is made of.

    Raises CalledProcessError where an environment cannot be made, ValueError where the result is
    not CycloneDX.
    """
    document = json.loads(_packages(wheel))
    document["components"] += [_rust(rustc), _cities()]
    text = json.dumps(document, indent=2, sort_keys=True) + "\n"
    if fault := JsonStrictValidator(_VERSION).validate_str(text):
        raise ValueError(f"the bill of materials is not CycloneDX {_VERSION.to_version()}: {fault}")
    path.write_text(text)


def _packages(wheel: Path) -> str:
    environment = ROOT / "build" / "release" / "environment"
    venv.create(environment, clear=True, with_pip=True)
    python = str(environment / "bin" / "python")
    pip = [python, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    lock = str(ROOT / "requirements.lock")
    subprocess.run([*pip, "install", "--require-hashes", "-r", lock], check=True)
    subprocess.run([*pip, "install", "--no-deps", str(wheel)], check=True)
    # What installs is no part of what is installed.
    subprocess.run([*pip, "uninstall", "--yes", "setuptools", "pip"], check=True)
    command = [sys.executable, "-m", "cyclonedx_py", "environment", python]
    command += ["--pyproject", str(ROOT / "pyproject.toml"), "--mc-type", "application"]
    command += ["--output-reproducible", "--spec-version", _VERSION.to_version()]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def _rust(rustc: Compiler) -> dict[str, Any]:
    """The standard library, which is linked into the native library."""
    variables = os.environ | rustc.variables
    said = subprocess.check_output([rustc.rustc, "--version"], text=True, env=variables)
    version = said.split()[1]
    return {
        "type": "library",
        "bom-ref": f"rust-std=={version}",
        "name": "rust-std",
        "version": version,
        "description": "the standard library of Rust, linked into resolverd/_native.so",
        "licenses": [{"expression": "MIT OR Apache-2.0"}],
    }


def _cities() -> dict[str, Any]:
    """The embedded table, which is made of another maker's database."""
    said = (ROOT / "resolverd" / "geo" / "embedded" / "ATTRIBUTION").read_text()
    (edition,) = re.findall(r"npm package @ip-location-db/\S+,\s+version\s+([\d.]*\d)", said)
    return {
        "type": "data",
        "bom-ref": f"dbip-city-lite=={edition}",
        "name": "dbip-city-lite",
        "version": edition,
        "description": "IP to City Lite of DB-IP, made smaller: resolverd/geo/embedded",
        "licenses": [{"license": {"id": "CC-BY-4.0"}}],
        "externalReferences": [{"type": "website", "url": "https://db-ip.com"}],
    }
