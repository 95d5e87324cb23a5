"""The alert rules as they are shipped: their expressions and annotations, and a hurried copy."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

RULES = Path(__file__).parents[2] / "prometheus" / "resolverd.rules.yml"
TESTS = RULES.with_name("resolverd.test.yml")

# A rule's keys stand below its name, eight spaces in; what belongs to one of them further in.
_KEY = re.compile(r"^ {8}(\w+):(.*(?:\n {10}.*)*)", re.MULTILINE)


@dataclass(frozen=True)
class Rule:
    """One alert; `for_` is empty where it fires at once."""

    name: str
    expr: str
    for_: str
    labels: str
    annotations: str


def rules() -> list[Rule]:
    """Every alert of the file, in its order."""
    _, *blocks = re.split(r"^ {6}- alert: ", RULES.read_text(), flags=re.MULTILINE)
    return [_rule(block) for block in blocks]


def hurried(over: str = "10s") -> str:
    """The file with alerts that fire at once, and with rates and changes `over` so long.

    A database of any age is old in it; an override or a spill rule is forgotten after a second, and
    a wave of a generation is stuck.
    """
    text = re.sub(r"^( {8}for:) \w+$", r"\1 0s", RULES.read_text(), flags=re.MULTILINE)
    text = re.sub(r"\[\w+\]", f"[{over}]", text)
    for long, short in (("60 * 86400", "0"), ("> 1 * 86400", "> 1"), ("> 1800", "> 1")):
        text = text.replace(long, short)
    return text


def _rule(block: str) -> Rule:
    name, _, rest = block.partition("\n")
    keys = {key: value.strip().removeprefix(">-").strip() for key, value in _KEY.findall(rest)}
    return Rule(name, keys["expr"], keys.get("for", ""), keys["labels"], keys["annotations"])
