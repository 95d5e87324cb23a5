"""The set of a checked configuration: which of its files are published, and what is left out.

Published are the configuration with its fragments, and the zones with what they include, as they
were read when they were checked. Left out are the tables of `config/published.py`'s OWN, databases,
tables of round-trip times, and the files of credentials: each edge has its own.

The files have to lie below the configuration's directory, and to name one another relative to it,
or else they would not find one another on an edge; and no secret may stand in them, for all who may
read the fleet would have it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from resolverd.config.layers import written
from resolverd.config.probe_layers import layers_of
from resolverd.config.published import MAIN, OWN, takes_published
from resolverd.config.secret_checks import written_secrets
from resolverd.config.tiers import answers
from resolverd.errors import Problem, ProblemsError, errors_among
from resolverd.files.reading import key_of
from resolverd.snapshot.inputs import Inputs
from resolverd.zone.loader import load_zones

_FRAGMENTS = Path(MAIN).with_suffix(".d").name


class Gathered(NamedTuple):
    """The files of a set by name, and in words what belongs to it and is each edge's own."""

    files: Mapping[str, bytes]
    left_out: tuple[str, ...]


def gather(inputs: Inputs, contents: Mapping[str, bytes]) -> Gathered:
    """The set of `inputs`, of which `contents` was read. Raises ProblemsError with all there is."""
    problems = [*_unfit_configuration(inputs), *_secrets(inputs)]
    names: dict[str, str] = {}
    for file in _files(inputs):
        path = key_of(file)
        name = _name(path, inputs)
        if name is None:
            problems.append(_outside(path, inputs.base))
        else:
            names[name] = path
    if problems:
        raise ProblemsError(problems)
    return Gathered(
        {name: contents[path] for name, path in names.items()}, tuple(_left_out(inputs))
    )


def check_set(directory: Path, inputs: Inputs) -> None:
    """Check that the zones of a set that was put into `directory` are those of `inputs`.

    Raises ProblemsError where they need a file that is not in the set. Blocks.
    """
    config = inputs.config
    zones, found = load_zones(config.server.zones, directory, services=answers(config))
    problems = [p for p in errors_among(found) if p.id in {"zone-unreadable", "zone-no-file"}]
    for zone in zones.values():
        problems += [
            _outside(str(file), directory) for file in zone.files if not _below(file, directory)
        ]
    if problems:
        raise ProblemsError(problems)


def _files(inputs: Inputs) -> Iterator[Path]:
    yield from inputs.loaded.files
    for zone in inputs.zones.values():
        yield from zone.files


def _name(path: str, inputs: Inputs) -> str | None:
    """The name in the set of a file, None where it lies outside the configuration's directory."""
    main, base = Path(key_of(inputs.loaded.files[0])), Path(key_of(inputs.base))
    if path == str(main):
        return MAIN
    if not _below(Path(path), base):
        return None
    relative = Path(path).relative_to(base)
    fragments = main.with_suffix(".d").name
    if relative.parts[0] == fragments:
        return str(Path(_FRAGMENTS, *relative.parts[1:]))
    return str(relative)


def _below(file: Path, directory: Path) -> bool:
    return file.is_relative_to(directory) and ".." not in file.parts


def _unfit_configuration(inputs: Inputs) -> Iterator[Problem]:
    sources = inputs.loaded.sources
    if takes_published(sources.tree):
        yield sources.problem(
            ("fleet", "configuration"), "publish-from-edge",
            "this file takes its set from the fleet, and has none of its own",
            "publish from the directory that the set is written in, or return to an earlier one: "
            "resolverd publish --to NUMBER",
        )  # fmt: skip
    for index, pattern in enumerate(inputs.config.server.zones):
        if pattern.startswith("/") or ".." in Path(pattern).parts:
            yield sources.problem(
                ("server", "zones", index), "publish-outside",
                f'"{pattern}" is another place on an edge',
                "write it relative to this file, and keep the zones below its directory",
            )  # fmt: skip


def _secrets(inputs: Inputs) -> Iterator[Problem]:
    for secret in written_secrets(inputs.config):
        yield inputs.loaded.sources.problem(
            secret.path,
            "publish-secret",
            f"{secret.message}, and all who may read the fleet would have it",
            secret.hint,
        )


def _outside(path: str, base: Path) -> Problem:
    return Problem(
        path, 0, 0, "publish-outside", f"it is not below {base}, so an edge would not have it",
        "move it below the configuration's directory, and name it relative to that",
    )  # fmt: skip


def _left_out(inputs: Inputs) -> Iterator[str]:
    tree, config = inputs.loaded.sources.tree, inputs.config
    own = [f"[{table}]" for table in OWN if table in tree]
    if own:
        yield f"{', '.join(own)}: each edge's own file has them (server.zones is published)"
    for name in config.server.geoip:
        yield f"{name}: a database, which each edge has its own of"
    for name in config.rtt.files:
        yield f"{name}: round-trip times, which each edge has its own of"
    credentials = {
        str(options["credential"])
        for _, probe in layers_of(config)
        for options in [written(probe)]
        if options.get("credential")
    }
    for name in sorted(credentials):
        yield f"{name}: a credential, which has to be on each edge"
