"""Which engine would serve, why, and how to get the other."""

from __future__ import annotations

from resolverd.doctor.finding import Finding
from resolverd.engine.choice import Wanted

_REFERENCE = "resolverd serve --set server.engine=reference"
_NATIVE = "resolverd serve --set server.engine=native"
# What native/Cargo.toml asks for as rust-version.
CARGO = "1.88"
_BUILD = (
    "cargo --version && pip install --no-deps --force-reinstall .  "
    f"# in a checkout, with cargo {CARGO} or newer"
)


def engine(wanted: Wanted, why_not: str | None, *, linux: bool = True) -> Finding:
    """Hosts have served for months on the slow engine because nobody was told.

    `why_not` is the reason that the native library cannot be used, None where it can be.
    """
    build = _BUILD if linux else "# on Linux only"
    said = f'server.engine is "{wanted}"'
    if not why_not:
        if wanted == "reference":
            seen = f"the reference engine would serve: {said}; the native one is here too"
            return Finding("engine", "advice", seen, _NATIVE)
        seen = f"the native engine would serve: {said}, and its library can be loaded"
        return Finding("engine", "ok", seen, _REFERENCE)
    if wanted == "native":
        seen = f"no engine would serve: {said}, and it cannot be used: {why_not}"
        return Finding("engine", "fault", seen, f"{_REFERENCE}  # or: {build}")
    if wanted == "auto":
        seen = f"the reference engine would serve: {said}, and the native one: {why_not}"
        return Finding("engine", "advice", seen, build)
    seen = f"the reference engine would serve: {said}; the native one: {why_not}"
    return Finding("engine", "ok", seen, build)
