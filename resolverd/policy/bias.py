"""The bias of a region: by what factor it is nearer or farther than it is, and by how much."""

from __future__ import annotations

from typing import NamedTuple


class Bias(NamedTuple):
    """What a region's cost is multiplied by, and what is added then, in the unit of the cost."""

    factor: float = 1.0
    added: float = 0.0

    def of(self, cost: float) -> float:
        """The cost with the bias. The native map computes the same to the last bit."""
        return cost * self.factor + self.added


NO_BIAS = Bias()
