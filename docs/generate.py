"""Write those pages of docs/, and tables in them, that are made from declarations: `make docs`."""

from __future__ import annotations

from pathlib import Path

from bench.write import pages as measured_pages
from docs.http_api import http_api, openapi
from docs.parts import with_part
from resolverd.admin.metrics.reference import table as metrics_table
from resolverd.config.reference import reference
from resolverd.log.reference import table as log_table
from resolverd.zone.catalogue import CHECKS

DOCS = Path(__file__).parent


def pages() -> dict[Path, str]:
    """Each generated page and what it should say."""
    return {
        DOCS / "configuration.md": reference(),
        DOCS / "operations.md": operations(),
        DOCS / "zone-checks.md": zone_checks(),
        DOCS / "http-api.md": http_api(),
        DOCS / "openapi.json": openapi(),
        **measured_pages(),
    }


def operations() -> str:
    """The operations page as it is, with its tables made anew."""
    page = (DOCS / "operations.md").read_text()
    page = with_part(page, "log events", log_table())
    return with_part(page, "metrics", metrics_table())


def zone_checks() -> str:
    """The checks on zone files, by id."""
    rows = [
        f"| `{id_}` | {check.severity}{', strict: error' * check.lenient} | {check.doc} |"
        for id_, check in CHECKS.items()
    ]
    return "\n".join(
        [
            "# Checks on zone files",
            "",
            "Made by `make docs` from `resolverd/zone/catalogue.py`; do not edit. An error keeps",
            "the zones that are being served; a warning does not. With `server.zone_checks =",
            '"strict"`, what is marked so is an error.',
            "",
            "| id | severity | meaning |",
            "| --- | --- | --- |",
            *rows,
            "",
        ]
    )


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text)
        print(f"written: {path.relative_to(DOCS.parent)}")
