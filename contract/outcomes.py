"""How an answer of a service comes about, and what is said of it in an extended error.

Outcomes that have a region come first: they count in the region's slots, the others in the
service's own. What `all_down` and `no_region` may say are codes of the Plan's image.
"""

from __future__ import annotations

from typing import NamedTuple

from contract.codes import Codes
from contract.render import (
    camel,
    python_module,
    python_tuple,
    quoted,
    rust_const,
    rust_doc,
    rust_enum,
    rust_module,
)


class ExtendedError(NamedTuple):
    """An extended error (RFC 8914): the name of its INFO-CODE, and its EXTRA-TEXT."""

    code: str
    text: str


class Outcome(NamedTuple):
    """One outcome, by the name that metrics, the log and `explain` have."""

    name: str
    has_region: bool
    doc: str
    error: ExtendedError | None = None


class Refusal(NamedTuple):
    """An answer that is refused before a service is asked, by the name of its constant."""

    name: str
    error: ExtendedError


class Reply(NamedTuple):
    """What a service answers that can give no region; its number in the Plan's image."""

    number: int
    name: str
    doc: str


class Outcomes(NamedTuple):
    """All of them."""

    outcomes: tuple[Outcome, ...]
    refusals: tuple[Refusal, ...]
    nearest: Reply
    replies: tuple[Reply, ...]
    all_down: tuple[str, ...]


_NONE_SERVES = ExtendedError("OTHER", "no allowed region serves")
OUTCOMES = Outcomes(
    outcomes=(
        Outcome("serving", True, "the first region that serves"),
        Outcome(
            "unknown",
            True,
            "none serves; the first of which nothing is known yet",
            ExtendedError("OTHER", "no region is known to be healthy"),
        ),
        Outcome(
            "all_down",
            True,
            "none serves; the best of them",
            ExtendedError("OTHER", "no allowed region serves; this is the best of them"),
        ),
        Outcome("spilled", True, "the next that takes more, where the first is full"),
        Outcome("trickled", True, "the second, which is given a few of the first one's clients"),
        Outcome("held", True, "the region that this block keeps, though another is best by now"),
        Outcome("servfail", False, "none serves, and `all_down` says SERVFAIL", _NONE_SERVES),
        Outcome("nodata", False, "none serves, and `all_down` says NODATA", _NONE_SERVES),
        Outcome("cname", False, "none serves, and `all_down` says CNAME", _NONE_SERVES),
        Outcome(
            "no_region",
            False,
            "the fence is empty",
            ExtendedError("PROHIBITED", "residency pins leave this client no region"),
        ),
        Outcome(
            "no_address",
            False,
            "no region of the fence has an address",
            ExtendedError("OTHER", "no allowed region has an address"),
        ),
    ),
    refusals=(
        Refusal(
            "NOT_AUTHORITATIVE",
            ExtendedError("NOT_AUTHORITATIVE", "no zone here holds this name"),
        ),
        Refusal(
            "OTHER_CLASS",
            ExtendedError("NOT_AUTHORITATIVE", "no class but IN is served here"),
        ),
        Refusal("NO_TRANSFER", ExtendedError("PROHIBITED", "zone transfer is not offered")),
    ),
    nearest=Reply(0, "nearest", "the best region, although it does not serve"),
    replies=(
        Reply(1, "servfail", "SERVFAIL"),
        Reply(2, "nodata", "no record"),
        Reply(3, "cname", "a CNAME to a name that has no address"),
        Reply(4, "refused", "REFUSED"),
    ),
    all_down=("nearest", "servfail", "nodata", "cname"),
)


def with_region(outcomes: Outcomes) -> tuple[Outcome, ...]:
    """Those that have a region. Raises ValueError where one stands behind one without."""
    found = tuple(outcome for outcome in outcomes.outcomes if outcome.has_region)
    if outcomes.outcomes[: len(found)] != found:
        raise ValueError("outcomes with a region come first")
    return found


def python(outcomes: Outcomes) -> str:
    """`resolverd/policy/outcomes.py`."""
    split = len(with_region(outcomes))
    names = [quoted(outcome.name) for outcome in outcomes.outcomes]
    explained = "".join(
        f"    {quoted(outcome.name)}: {_python_error(outcome.error)},\n"
        for outcome in outcomes.outcomes
        if outcome.error is not None
    )
    refusals = "\n".join(
        f"{refusal.name}: Final = {_python_error(refusal.error)}" for refusal in outcomes.refusals
    )
    replies = "".join(
        f"    {quoted(reply.name)}: {reply.number},\n"
        for reply in (outcomes.nearest, *outcomes.replies)
    )
    docs = "\n".join(f"{outcome.name}: {outcome.doc}." for outcome in outcomes.outcomes)
    return python_module(
        "outcomes",
        'How an answer of a service comes about (docs/meaning.md, "The decision").',
        (
            "from collections.abc import Mapping",
            "from typing import Final, Literal",
            "",
            "from resolverd.dns.codes import EdeCode",
            "from resolverd.dns.edns import ExtendedError",
        ),
        (
            f"AllDown = Literal[{', '.join(map(quoted, outcomes.all_down))}]\n"
            f"NoRegion = Literal[{', '.join(quoted(reply.name) for reply in outcomes.replies)}]\n"
            "Outcome = Literal[\n" + "".join(f"    {name},\n" for name in names) + "]\n"
            f'"""{docs}"""',
            f"WITH_REGION: Final[tuple[Outcome, ...]] = {python_tuple(names[:split])}\n"
            f"WITHOUT_REGION: Final[tuple[Outcome, ...]] = {python_tuple(names[split:])}",
            f"EXPLANATIONS: Final[Mapping[Outcome, ExtendedError]] = {{\n{explained}}}\n"
            '"""What is said of an answer that is not the plain one."""\n\n' + refusals,
            f"REPLIES: Final[Mapping[AllDown | NoRegion, int]] = {{\n{replies}}}\n"
            '"""Their numbers in the image of a Plan."""',
        ),
    )


def rust(outcomes: Outcomes, codes: Codes) -> str:
    """`native/src/tables/outcome.rs`."""
    split = len(with_region(outcomes))
    numbers = {code.name: code.number for code in codes.extended_errors}
    errors = "".join(
        f"            Self::{camel(outcome.name)} => {_rust_error(outcome.error, numbers)},\n"
        for outcome in outcomes.outcomes
    )
    replies = "".join(
        f"            {reply.number} => Some(Self::{camel(reply.name)}),\n"
        for reply in outcomes.replies
    )
    return rust_module(
        "outcomes",
        "How an answer of a service comes about, and how it is answered without a region: "
        "`policy/outcomes.py`. Plain values, which Plan and Steering share.",
        (
            rust_enum(
                "Outcome",
                "How an answer came about; those with a region come first.",
                ((camel(o.name), _sentence(o.doc)) for o in outcomes.outcomes),
            ),
            f"""impl Outcome {{
    {rust_doc("How many outcomes have a region.")}
    pub const WITH_REGION: usize = {split};
    {rust_doc("How many have none.")}
    pub const WITHOUT_REGION: usize = {len(outcomes.outcomes) - split};

    {rust_doc("Where it counts, from the first slot of its region, or else of its service.")}
    #[must_use]
    pub const fn slot(self) -> usize {{
        let place = self as usize;
        if place < Self::WITH_REGION {{
            place
        }} else {{
            place - Self::WITH_REGION
        }}
    }}

    {rust_doc("INFO-CODE and EXTRA-TEXT of its extended error (RFC 8914); empty for none.")}
    #[must_use]
    pub const fn extended_error(self) -> &'static [u8] {{
        match self {{
{errors}        }}
    }}
}}""",
            "\n".join(
                rust_const(
                    refusal.name,
                    "&[u8]",
                    _rust_error(refusal.error, numbers),
                    f"The extended error that says: {refusal.error.text}.",
                )
                for refusal in outcomes.refusals
            ),
            rust_enum(
                "NoRegion",
                "How it is answered that there is no region.",
                ((camel(reply.name), _sentence(reply.doc)) for reply in outcomes.replies),
            ),
            f"""impl NoRegion {{
    {rust_doc("That of a number in the image of a Plan.")}
    #[must_use]
    pub const fn of(number: u8) -> Option<Self> {{
        match number {{
{replies}            _ => None,
        }}
    }}
}}""",
            f"""{rust_doc("What a service answers when no allowed region serves.")}
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AllDown {{
    {rust_doc(_sentence(outcomes.nearest.doc))}
    {camel(outcomes.nearest.name)},
    {rust_doc("That there is none.")}
    NoRegion(NoRegion),
}}""",
            f"""impl AllDown {{
    {rust_doc("That of a number in the image of a Plan.")}
    #[must_use]
    pub const fn of(number: u8) -> Option<Self> {{
        match (number, NoRegion::of(number)) {{
            ({outcomes.nearest.number}, _) => Some(Self::{camel(outcomes.nearest.name)}),
            (_, Some(reply)) => Some(Self::NoRegion(reply)),
            _ => None,
        }}
    }}
}}""",
        ),
    )


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _python_error(error: ExtendedError) -> str:
    return f"ExtendedError(EdeCode.{error.code}, {quoted(error.text)})"


def _rust_error(error: ExtendedError | None, numbers: dict[str, int]) -> str:
    if error is None:
        return 'b""'
    high, low = divmod(numbers[error.code], 256)
    quoted(error.text)
    return f'b"\\x{high:02x}\\x{low:02x}{error.text}"'
