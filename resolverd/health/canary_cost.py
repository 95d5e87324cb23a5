"""What a canary costs, and the least hourly budget that it fits into; pure."""

from __future__ import annotations

# Tokens that are asked for: one to see the engine begin, one to see it go on.
TOKENS = 2
# Of an hour's tokens one in so many may be spent at once.
AT_ONCE = 10


def cost(prompt: str, tokens: int = TOKENS) -> int:
    """The most tokens that a canary takes.

    A tokenizer makes no more of a prompt than it has octets; one may mark its beginning, and
    `tokens` are generated.
    """
    return len(prompt.encode()) + 1 + tokens


def least_budget(tokens: int) -> int:
    """The least tokens per hour of which so many may be spent at once."""
    return AT_ONCE * tokens
