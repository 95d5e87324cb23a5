"""All that is declared, and every file that is made of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import NamedTuple

from contract import abi, codes, counters, images, limits, outcomes


class Tables(NamedTuple):
    """Every group of rows."""

    codes: codes.Codes = codes.CODES
    outcomes: outcomes.Outcomes = outcomes.OUTCOMES
    counters: counters.Counters = counters.COUNTERS
    limits: limits.Limits = limits.LIMITS
    images: tuple[images.Image, ...] = images.IMAGES
    abi: abi.Abi = abi.ABI


OUTPUTS: Mapping[str, Callable[[Tables], str]] = {
    "resolverd/dns/codes.py": lambda tables: codes.python(tables.codes),
    "native/src/wire/codes.rs": lambda tables: codes.rust(tables.codes),
    "resolverd/policy/outcomes.py": lambda tables: outcomes.python(tables.outcomes),
    "native/src/tables/outcome.rs": lambda tables: outcomes.rust(tables.outcomes, tables.codes),
    "resolverd/engine/slots.py": lambda tables: counters.python(
        tables.counters, tables.codes, tables.outcomes
    ),
    "native/src/io/slots.rs": lambda tables: counters.rust(
        tables.counters, tables.codes, tables.outcomes
    ),
    "resolverd/engine/records.py": lambda tables: images.python(tables.images),
    "resolverd/engine/epochs_records.py": lambda tables: images.python_of_epochs(tables.images),
    "native/src/tables/records.rs": lambda tables: images.rust(tables.images),
    "resolverd/abi/contract.py": lambda tables: abi.python(tables.abi, version(tables)),
    "native/src/ffi/contract.rs": lambda tables: abi.rust(tables.abi, version(tables)),
    "native/src/io/exchanges/contract.rs": lambda tables: abi.rust_exchanges(tables.abi),
    "resolverd/dns/limits.py": lambda tables: limits.python(tables.limits),
    "native/src/wire/limits.rs": lambda tables: limits.rust(tables.limits),
    "resolverd/abi/limits.py": lambda tables: limits.python_maps(tables.limits),
    "native/src/geo/contract.rs": lambda tables: limits.rust_maps(tables.limits),
    "native/src/wire/malformed.rs": lambda tables: counters.rust_grammar(tables.counters),
}
"""What makes each generated file, by its path from the top."""


def version(tables: Tables) -> int:
    """32 bits that other rows would not have: that of the ABI."""
    return int.from_bytes(sha256(repr(tables).encode()).digest()[:4], "big")


def written(tables: Tables | None = None) -> dict[str, str]:
    """The text of each generated file. Raises ValueError where rows contradict one another."""
    given = Tables() if tables is None else tables
    return {path: make(given) for path, make in OUTPUTS.items()}
