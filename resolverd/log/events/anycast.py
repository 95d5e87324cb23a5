"""Log events of `resolverd anycast`, which announces this edge's service addresses."""

from __future__ import annotations

from resolverd.log.events.event import Event

EVENTS = (
    Event(
        "anycast.started",
        "info",
        "`resolverd anycast` looks at this edge; nothing is announced until it is fit.",
        "addresses",
    ),
    Event(
        "anycast.inherited",
        "warning",
        "An earlier process has left an address announced; it is withdrawn first.",
        "address before",
    ),
    Event(
        "anycast.changed",
        "info warning",
        "An address came to be withdrawn, raised (with a higher metric) or announced, which is "
        "proved; a warning where nobody had planned that.",
        "address before after reason",
    ),
    Event(
        "anycast.unfit",
        "warning",
        "This edge is not fit to answer over its service addresses, or for another reason than "
        "before.",
        "problems",
    ),
    Event(
        "anycast.fit",
        "info",
        "This edge is fit to answer over its service addresses.",
    ),
    Event(
        "anycast.held",
        "error",
        "An address stays announced although it should be withdrawn.",
        "address reason meanwhile",
    ),
    Event(
        "anycast.unproved",
        "error",
        "What speaks BGP does not have an address as it should, or cannot be asked; it is told "
        "again.",
        "address reason",
    ),
    Event(
        "anycast.proved",
        "info",
        "What speaks BGP has the address as it should again.",
        "address after",
    ),
    Event(
        "anycast.contradicted",
        "warning",
        "What speaks BGP has changed an address by itself, or by somebody else's order; it is "
        "told again.",
        "address before after",
    ),
    Event(
        "anycast.ebbed",
        "info",
        "After the withdrawal queries have ebbed.",
        "addresses seconds queries_per_second",
    ),
    Event(
        "anycast.not_ebbed",
        "warning",
        "After the withdrawal queries still came when the wait ended, or the daemon did not say.",
        "addresses seconds queries_per_second",
    ),
    Event(
        "anycast.drained",
        "info",
        "An operator has drained this edge: its addresses are withdrawn until that ends.",
        "who reason",
    ),
    Event("anycast.undrained", "info", "An operator has ended a drain of this edge.", "who"),
)
