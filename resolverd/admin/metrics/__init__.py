"""Metrics as Prometheus reads them: each is declared once, and all else comes from that.

    a declaration: name, labels, text, and the reader of its samples
        ├─► `scrape`: the page that Prometheus scrapes
        └─► `reference`: the table of docs/operations.md

`family` says what a declaration is; the other modules hold the declarations by subject. To add a
metric is to write one more reader in one of them, and `make docs`. Names begin with
``resolverd_`` and have base units. Labels are the plain names that operators wrote:

    service, region    every family about what a service's region does
    endpoint, probe    one endpoint of a region, and the service whose own settings probe it there;
                       the probe that services share has the empty name, which is as no label

Nothing is kept here: every scrape is made from the counts and verdicts of the moment, all
worker processes together.
"""

from resolverd.admin.metrics.scrape import exposition

__all__ = ["exposition"]
