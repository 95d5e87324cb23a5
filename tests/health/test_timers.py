"""Many moments behind one timer of the loop: each in time, in order, once, and none cancelled."""

from __future__ import annotations

import asyncio

from harness.virtual import VirtualLoop
from hypothesis import given
from hypothesis import strategies as st

from resolverd.health.timers import Timers

# A moment, whether it is of a line, and when it is cancelled, if it is.
MOMENTS = st.lists(
    st.tuples(
        st.integers(0, 50).map(lambda n: n / 8),
        st.booleans(),
        st.none() | st.integers(0, 50).map(lambda n: n / 8),
    ),
    max_size=30,
)


@given(MOMENTS)
def test_each_is_called_when_it_is_due_and_none_that_was_cancelled(
    moments: list[tuple[float, bool, float | None]],
) -> None:
    called: list[tuple[float, int]] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        timers = Timers(loop.time)
        for number, (delay, in_line, cancelled) in enumerate(moments):

            def call(number: int = number) -> None:
                called.append((loop.time(), number))

            made = timers.after(delay, 0.0, call) if in_line else timers.at(delay, call)
            if cancelled is not None:
                loop.call_at(cancelled, made.cancel)
        await asyncio.sleep(10.0)
        timers.close()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())
    times = {number: when for when, number in called}
    assert len(times) == len(called)
    for number, (delay, _, cancelled) in enumerate(moments):
        if cancelled is None or cancelled > delay:
            assert delay <= times[number] <= delay + 1e-6
        elif cancelled < delay:
            assert number not in times


def test_what_is_set_by_one_that_is_called_is_called_too() -> None:
    called: list[float] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        timers = Timers(loop.time)

        def again() -> None:
            called.append(loop.time())
            if len(called) < 5:
                timers.after(1.0, loop.time(), again)

        timers.at(1.0, again)
        timers.at(2.0, lambda: None).cancel()
        await asyncio.sleep(10.0)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())
    assert [round(when, 6) for when in called] == [1.0, 2.0, 3.0, 4.0, 5.0]


def test_a_defect_in_one_delays_no_other() -> None:
    called: list[float] = []
    defects: list[BaseException] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: defects.append(context["exception"]))
        timers = Timers(loop.time)

        def fail() -> None:
            raise ZeroDivisionError

        timers.at(1.0, fail)
        timers.at(1.0, lambda: called.append(loop.time()))
        await asyncio.sleep(2.0)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())
    assert [type(defect) for defect in defects] == [ZeroDivisionError]
    assert [round(when, 6) for when in called] == [1.0]


async def test_a_late_host_begins_first_what_a_failure_waits_for() -> None:
    now, called = [0.0], list[str]()
    timers, done = Timers(lambda: now[0]), asyncio.Event()
    for _ in range(50):
        timers.at(0.001, lambda: called.append("routine"))
    timers.after(0.02, 0.0, lambda: called.append("retry"))
    timers.at(0.03, done.set)
    now[0] = 1.0  # the loop was kept from its work
    await asyncio.wait_for(done.wait(), 20)
    timers.close()
    assert called == ["retry", *["routine"] * 50]


async def test_what_goes_first_leaves_half_of_the_time_to_the_rest() -> None:
    now, done = [0.0], asyncio.Event()
    timers = Timers(lambda: now[0])

    def again() -> None:
        timers.after(0.02, now[0] - 0.02, again)

    timers.after(0.02, 0.0, again)
    timers.at(0.001, done.set)
    now[0] = 1.0
    await asyncio.wait_for(done.wait(), 20)
    timers.close()
