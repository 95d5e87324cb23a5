"""What is written of thousands of verdicts is what each would be written as by itself."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from resolverd.health.machine import EndpointHealth
from resolverd.health.target_health import KeptHealth
from resolverd.health.verdict import State
from resolverd.kept.document import Clocks, KeptVerdict, verdicts_written
from resolverd.kept.verdict_texts import VerdictTexts

VERDICTS = [
    KeptVerdict(
        "digest", KeptHealth(EndpointHealth(state, probed_at=at, reason=f"{state} at {at}"))
    )
    for state in State
    for at in (10.0, 11.0)
]
STEPS = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from('abc"é'), st.sampled_from(VERDICTS)),
        st.sampled_from([0.0, 0.0, 0.0, 3600.0, -3600.0]),
    ),
    max_size=12,
)


@given(STEPS)
def test_a_document_says_what_all_verdicts_would_be_written_as(
    steps: list[tuple[dict[str, KeptVerdict], float]],
) -> None:
    texts, shift = VerdictTexts(), 1e9
    for number, (verdicts, stepped) in enumerate(steps):
        shift += stepped
        clocks = Clocks(100.0 + number, 100.0 + number + shift)
        texts.begin(clocks)
        names = sorted(verdicts)
        parts = [
            texts.of({name: verdicts[name] for name in names[at : at + 2]}) for at in (0, 2, 4)
        ]
        made = json.loads("{" + ", ".join(filter(None, parts)) + "}")
        assert made == verdicts_written(verdicts, clocks)
        assert list(made) == names


def test_what_is_the_same_object_is_not_written_again() -> None:
    texts = VerdictTexts()
    written = []
    for drift in (0.0, 0.001, 1.0):
        texts.begin(Clocks(100.0, 1e9 + drift))
        written.append(json.loads("{" + texts.of({"a": VERDICTS[2]}) + "}")["a"]["at"])
    assert written[0] == written[1] == written[2] - 1.0, "a clock was set before the last"
