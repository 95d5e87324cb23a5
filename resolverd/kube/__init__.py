"""Regions whose entry points Kubernetes makes: from the objects of a cluster to a checked fragment.

API server ─► client.py, api.py ─► watch.py
                                      │
                                   cache.py        what the cluster has, kind by kind
                                      │ changed
                                   translate.py    objects ─► entry points; pure
                                      │
                                   fragment.py     entry points ─► JSON; pure
                                      │
                                   writing.py      held, refused, or written in one step
"""
