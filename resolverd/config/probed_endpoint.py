"""An endpoint as a service has it probed, for the checks of its probe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from resolverd.config.positions import Path as KeyPath

if TYPE_CHECKING:
    # Kinds import this module, and their options are what a layer may hold.
    from resolverd.config.probe_layers import ProbeOverride


@dataclass(frozen=True, slots=True)
class ProbedEndpoint:
    """`layers` are those of its settings with where they stand, broadest first.

    `serves_models` tells whether the service says that models are served, and `models_by_region`
    whether it says so for each region.
    """

    service: str
    region: str
    index: int
    url: str
    layers: tuple[tuple[KeyPath, ProbeOverride], ...]
    serves_models: bool = False
    models_by_region: bool = False

    @property
    def path(self) -> KeyPath:
        """The endpoint's own table."""
        return ("region", self.region, "endpoint", self.index)

    def rank(self, key: str) -> int:
        """Which layer sets an option: the narrowest has the highest; -1 where none does."""
        setting = [n for n, (_, layer) in enumerate(self.layers) if key in layer.model_fields_set]
        return max(setting, default=-1)

    def where(self, key: str) -> KeyPath:
        """Where an option is set, or [probe]'s own where it is a default."""
        return (*self.layers[max(self.rank(key), 0)][0], key)

    @property
    def kind(self) -> str:
        """The kind that its narrowest layer with one says."""
        kinds = [layer.kind for _, layer in self.layers]
        return next(kind for kind in reversed(kinds) if kind)
