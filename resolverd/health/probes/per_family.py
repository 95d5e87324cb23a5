"""One probe over both address families of an endpoint: what a client of each would meet.

A kind asks its whole question over each family, but for those whose question costs tokens: they ask
it over whichever connects, and over each family only whether `path` is answered at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from yarl import URL

from resolverd.dns.hostnames import is_address
from resolverd.health.family import Family, FamilyResult, families_of
from resolverd.health.kinds.http_settings import HttpSettings
from resolverd.health.outcome import Outcome
from resolverd.health.probes.exchange import HttpRequest, request_url
from resolverd.health.probes.run import Ask, Seen, run
from resolverd.health.probes.tools import Tools
from resolverd.patience.timeout import PatientTimeout


class PerFamily:
    """`whole` is the question over any family; `by_family` what is asked over one of them.

    `decides`: those questions are the whole one, which then is not asked beside them. `answered` is
    whether the probe begun last has had its answer, and waits for nothing but other families.
    """

    def __init__(
        self, whole: Ask, by_family: Mapping[Family, Ask], host: str, tools: Tools, *, decides: bool
    ) -> None:
        self._whole, self._by_family = whole, by_family
        self._host, self._tools = host, tools
        self._decides = decides
        self._begun, self.answered = 0, False

    async def run(self, within: float) -> Outcome:
        """Ask once, for at most `within` seconds; succeeds where it does over any family."""
        self._begun += 1
        number, self.answered = self._begun, False
        try:
            async with PatientTimeout(asyncio.get_running_loop().time() + within):
                present = families_of(await self._tools.addresses(self._host))
        except TimeoutError:
            return Outcome(False, f"timed out after {within:g} s", within, responded=False)
        present &= self._by_family.keys()
        families = [family for family in Family if family in present]
        if len(families) < 2:
            return await run(self._whole, within)
        asks = [self._by_family[family] for family in families]
        deciding = asks if self._decides else [self._whole]
        outcomes = await asyncio.gather(
            *([] if self._decides else [run(ask, within) for ask in asks]),
            *(self._answer(ask, within, number) for ask in deciding),
        )
        results = dict(zip(families, outcomes, strict=False))
        best = _best(outcomes) if self._decides else outcomes[-1]
        return best._replace(
            responded=any(outcome.responded for outcome in outcomes),
            families={
                family: FamilyResult(result.ok, result.reason, result.responded)
                for family, result in results.items()
            },
        )

    async def _answer(self, ask: Ask, within: float, number: int) -> Outcome:
        """Ask what decides, in the probe of that number."""
        outcome = await run(ask, within)
        if outcome.ok and not outcome.again and number == self._begun:
            self.answered = True
        return outcome


def per_family(
    url: str, tools: Tools, whole: Ask, by_family: Mapping[Family, Ask], *, decides: bool
) -> Ask | PerFamily:
    """`whole` itself where only one family can be asked: with one, or an address in the URL."""
    host = URL(url).raw_host or ""
    if len(by_family) < 2 or is_address(host):
        return whole
    return PerFamily(whole, by_family, host, tools, decides=decides)


def prepare_reached(url: str, settings: HttpSettings, tools: Tools) -> Ask:
    """Asks whether the settings' path is answered, with whatever status."""
    target, request = request_url(url, settings.path, below=True), HttpRequest(settings)

    async def ask() -> Seen:
        arguments = await request.arguments()
        async with tools.session.get(target, **arguments) as response:
            response.close()
            return Seen(f"HTTP {response.status}")

    return ask


async def run_any(ask: Ask | PerFamily, within: float) -> Outcome:
    """Run either; see `run`."""
    return await (ask.run(within) if isinstance(ask, PerFamily) else run(ask, within))


def _best(outcomes: list[Outcome]) -> Outcome:
    """The first success, else the first failure that says more than silence."""
    return min(outcomes, key=lambda outcome: (not outcome.ok, not outcome.responded))
