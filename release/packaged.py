"""The files of the Debian package that are made of others: units, configuration, copyright.

    python3 -m release.packaged --into debian --environment TREE --etc TREE

Each has one source: the units are those of systemd/, with the package's paths and the addresses
that it may take without asking; /etc/resolverd/resolverd.toml is what the packaged
`resolverd template` prints; debian/copyright lists the libraries that lie in the environment.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

UNITS = {
    "resolverd.service": "resolverd.service",
    "resolverd.socket": "resolverd.socket",
    "resolverd-rtt@.service": "resolverd.resolverd-rtt@.service",
    "resolverd-anycast.service": "resolverd.resolverd-anycast.service",
    "resolverd-geo.service": "resolverd.resolverd-geo.service",
    "resolverd-geo.timer": "resolverd.resolverd-geo.timer",
    "resolverd-anycast-stop.service": "resolverd.resolverd-anycast-stop.service",
}
"""Units of systemd/, and what debhelper wants the files to be called."""
ADDRESSES = ("127.0.0.1:5300", "[::1]:5300")
"""Taken by an installation that nobody has configured: those of the shipped resolverd.toml."""

COPYRIGHT = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: resolverd

Files: *
Copyright: the authors of resolverd
License: Apache-2.0
 On Debian systems the text of this licence lies in /usr/share/common-licenses/Apache-2.0.

Files: resolverd/geo/embedded/*
Copyright: DB-IP
License: CC-BY-4.0
 The table of cities is made of DB-IP's City Lite, https://db-ip.com, under the Creative Commons
 Attribution 4.0 International License, https://creativecommons.org/licenses/by/4.0/legalcode
"""
_LIBRARY = """
Files: usr/lib/resolverd/lib/*/site-packages/{folder}/*
Copyright: the authors of {name} {version}
License: {name}-licence
 {licence}. Its text lies in {folder}.
"""


def main() -> int:
    """Write them."""
    chosen = _options()
    for name, packaged in UNITS.items():
        text = unit(Path("systemd", name).read_text(encoding="utf-8"))
        (chosen.into / packaged).write_text(text, encoding="utf-8")
    (packages,) = chosen.environment.glob("lib/python*/site-packages")
    found = sorted(distributions(path=[str(packages)]), key=lambda each: each.name.lower())
    libraries = [each for each in found if each.name != "resolverd"]
    (chosen.into / "copyright").write_text(COPYRIGHT + "".join(_stanzas(libraries)))
    chosen.etc.mkdir(parents=True, exist_ok=True)
    (chosen.etc / "resolverd.toml").write_bytes(_template(packages))
    return 0


def unit(text: str) -> str:
    """A unit of systemd/ with the package's paths, and addresses of loopback in a socket."""
    text = text.replace("/opt/resolverd/bin/resolverd", "/usr/bin/resolverd")
    text = text.replace(
        "from a virtual environment in /opt/resolverd\n# and a configuration in /etc/resolverd.",
        "from /usr/lib/resolverd and a\n# configuration in /etc/resolverd.",
    )
    for kind in ("ListenDatagram", "ListenStream"):
        ours = "".join(f"{kind}={address}\n" for address in ADDRESSES)
        text = re.sub(rf"(^{kind}=.*\n)+", ours, text, flags=re.M)
    return text


def _stanzas(libraries: list[Distribution]) -> Iterator[str]:
    for each in libraries:
        fields = each.metadata.json
        licence = str(fields.get("license_expression") or fields.get("license") or "")
        if not licence or "\n" in licence:
            said = [row for row in fields.get("classifier") or () if row.startswith("License")]
            licence = said[0].rsplit(" :: ", 1)[-1] if said else "As its authors say"
        files = each.files or []
        folder = next(file.parts[0] for file in files if ".dist-info" in file.parts[0])
        yield _LIBRARY.format(
            name=each.name, version=each.version, licence=licence.strip(), folder=folder
        )


def _template(packages: Path) -> bytes:
    """What the program that is packaged prints."""
    code = f"import sys; sys.path.insert(0, {str(packages.resolve())!r}); "
    code += "from resolverd.cli import main; sys.exit(main())"
    return subprocess.check_output([sys.executable, "-IBc", code, "template"])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python3 -m release.packaged")
    parser.add_argument("--into", type=Path, required=True)
    parser.add_argument("--environment", type=Path, required=True)
    parser.add_argument("--etc", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
