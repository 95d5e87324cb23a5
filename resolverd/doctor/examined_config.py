"""What the host is examined for: the configuration, or the defaults where there is none."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from resolverd.config.checks import cross_check
from resolverd.config.explain import problems_of
from resolverd.config.load import SetOption, load_config
from resolverd.config.model import Config
from resolverd.config.published import fleet_of
from resolverd.config.sources import Sources
from resolverd.doctor.finding import Finding
from resolverd.errors import ConfigError, errors_among

_STAND_IN = {"server": {"coordinates": [0.0, 0.0]}}


class ExaminedConfig(NamedTuple):
    """A configuration, the directory its paths start from, and what there is to say of it.

    `file` is None where the defaults stand in. `urls` are those of its fleet, read even where it is
    otherwise wrong, as that of an edge is until its first generation has come; None where what is
    wrong hides them.
    """

    config: Config
    base: Path
    file: Path | None
    finding: Finding
    urls: Sequence[str] | None


def read_examined_config(path: Path, overrides: Sequence[SetOption]) -> ExaminedConfig:
    """The configuration at `path`, or the defaults with `overrides` where nothing is there.

    One that is wrong is a finding, and the defaults stand in. Raises ConfigError where
    `overrides` alone are wrong.
    """
    if not path.exists():
        config = _defaults(path, overrides)
        return ExaminedConfig(config, path.parent, None, _absent(path), config.fleet.urls)
    try:
        loaded = load_config(path, overrides)
    except ConfigError as error:
        problems = errors_among(error.problems)
        if all(problem.file == "--set" for problem in problems):
            raise
        fleet = fleet_of(path, overrides)
        return ExaminedConfig(
            Config.model_validate(_STAND_IN),
            path.parent,
            None,
            _invalid(path, error),
            fleet.urls if fleet else None,
        )
    listen = ", ".join(map(str, loaded.config.server.listen))
    finding = Finding("config", "ok", f"{path}: to listen on {listen}")
    return ExaminedConfig(loaded.config, loaded.base, path, finding, loaded.config.fleet.urls)


def _defaults(path: Path, overrides: Sequence[SetOption]) -> Config:
    sources = Sources(path)
    sources.override("server.coordinates", _STAND_IN["server"]["coordinates"])
    for key, value in overrides:
        sources.override(key, value)
    if sources.problems:
        raise ConfigError(sources.problems)
    try:
        config = Config.model_validate(sources.tree)
    except ValidationError as error:
        errors = error.errors(include_url=False)
        raise ConfigError(problems_of(errors, sources)) from error
    found = [sources.problem(*finding) for finding in cross_check(config, sources.tree)]
    if errors_among(found):
        raise ConfigError(found)
    return config


def _absent(path: Path) -> Finding:
    return Finding(
        "config",
        "advice",
        f"there is no {path}: the host is examined for the defaults",
        f"resolverd template > {shlex.quote(str(path))}  # or name one with --config",
    )


def _invalid(path: Path, error: ConfigError) -> Finding:
    problems = errors_among(error.problems)
    more = f", the first of {len(problems)} problems" if len(problems) > 1 else ""
    where = f"{problems[0].file}:{problems[0].line}: {problems[0].message}{more}"
    return Finding(
        "config",
        "fault",
        f"{where}; the host is examined for the defaults",
        f"resolverd check --config {shlex.quote(str(path))}",
    )
