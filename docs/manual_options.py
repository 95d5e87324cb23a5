"""resolverd.toml(5): every option, from the declarations that validate it."""

from __future__ import annotations

import json
from collections.abc import Mapping

from pydantic.fields import FieldInfo

from docs.roff import Page, bold
from resolverd import __version__
from resolverd.config.probe import Probe
from resolverd.config.probe_layers import EveryOption, groups
from resolverd.config.reference import TABLES, about, bounds_of, default_of, kind_of, own_table

_SEE = ("resolverd(1)", "resolverd-check(1)", "resolverd-template(1)")


def options_page(day: str) -> str:
    """The page, of that day."""
    page = Page("resolverd.toml", 5, day, f"resolverd {__version__}", "resolverd's manual")
    page.name("resolverd.toml", "the configuration of resolverd")
    page.section("Description")
    page.text(
        "It is TOML. Durations are written like `250ms`, `5s`, `1h30m`, or as a number of seconds. "
        "`resolverd template` prints one with every option, and `resolverd check` tells every "
        "mistake at once, with file, line and hint. An option that does not exist is an error.",
    )
    page.text(
        "A directory beside the file, of its name with .d in place of .toml, holds fragments with "
        "regions, services, places and pins, which are read after it in the order of their names."
    )
    for title, model in TABLES:
        page.section(title)
        if about(model):
            page.text(about(model))
        if model is EveryOption:
            every = EveryOption.model_fields
            _items(page, {name: every[name] for name in Probe.model_fields})
            for kinds, fields in groups().items():
                page.subsection("With kind " + " or ".join(map(json.dumps, kinds)))
                _items(page, fields)
        else:
            _items(page, model.model_fields)
    page.section("Files")
    page.item(
        bold("/etc/resolverd/resolverd.toml"),
        "Read where no file is named and none is in the directory of the command.",
    )
    page.section("See also")
    page.raw(", ".join(bold(see.partition("(")[0]) + "(1)" for see in _SEE))
    return page.made()


def _items(page: Page, fields: Mapping[str, FieldInfo]) -> None:
    for name, field in fields.items():
        kind, elsewhere = kind_of(field).replace("`", ""), own_table(field)
        if elsewhere is not None:
            page.item(bold(name), f"A table like {elsewhere}.")
            continue
        required = field.is_required()
        given = (
            "required" if required else f"default {default_of(field).replace('`', '') or 'none'}"
        )
        page.item(bold(name), f"{field.description or ''}{bounds_of(field)}", [f"{kind}; {given}."])
