"""What a probe of an inference server read, as its kind has it."""

from __future__ import annotations

from resolverd.health.inference import InferenceReadings
from resolverd.health.offers import Offers
from resolverd.health.outcome import Outcome
from resolverd.health.readings import LoadReadings


def read_by(outcome: Outcome) -> InferenceReadings:
    """The readings of a probe of kind vllm or openai, which reads something whatever happens."""
    assert isinstance(outcome.readings, InferenceReadings)
    return outcome.readings


def load_by(outcome: Outcome) -> LoadReadings:
    """The load among them."""
    load = read_by(outcome).load
    assert load is not None
    return load


def offers_by(outcome: Outcome) -> Offers:
    """What the server lets a probe of kind vllm know."""
    offers = read_by(outcome).offers
    assert offers is not None
    return offers
