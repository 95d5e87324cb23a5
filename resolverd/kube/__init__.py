"""Regions whose front doors Kubernetes makes: from the objects of a cluster to a checked fragment.

API server ─► client.py, api.py ─► watch.py
                                      │
                                   reflection.py   what the cluster has, kind by kind
                                      │ changed
                                   translate.py    objects ─► doors; pure
                                      │
                                   fragment.py     doors ─► JSON; pure
                                      │
                                   writing.py      held, refused, or written in one step
"""
