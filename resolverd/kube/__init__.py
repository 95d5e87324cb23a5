"""Regions whose front doors Kubernetes makes: from the objects of a cluster to a checked fragment.

API server ─► api.py ─► reflection.py      what the cluster has, kind by kind
                             │ changed
                        translate.py       objects ─► endpoints; pure
                             │
                        fragment.py        endpoints ─► JSON; pure
                             │
                        writing.py         held, refused, or written in one step
"""
