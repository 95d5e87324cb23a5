"""The models that routes name: of answers, of errors, and of the bodies of requests."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from resolverd.admin import requests
from resolverd.admin.documents import actions, base, reload, round_trips, state
from resolverd.admin.documents.base import Document, ErrorDocument

_ROOMS = (base, actions, reload, round_trips, state)
_FOUND = {name: model for room in _ROOMS for name, model in vars(room).items()}

DOCUMENTS: Mapping[str, type[Document]] = MappingProxyType(
    {n: m for n, m in _FOUND.items() if isinstance(m, type) and issubclass(m, Document)}
)
ERRORS: Mapping[str, type[ErrorDocument]] = MappingProxyType(
    {n: m for n, m in DOCUMENTS.items() if issubclass(m, ErrorDocument)}
)
REQUESTS = MappingProxyType(
    {
        m.__name__: m
        for m in (requests.OverrideRequest, requests.DrainRequest, requests.SpillRequest)
    }
)
