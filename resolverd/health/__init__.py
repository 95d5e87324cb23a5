"""Health: is an endpoint serving, since when, and how soon could that change.

`machine`, `verdict`, `region`, `overrides`, `isolation`, `target_health` and `all_targets` are
pure; `probes` ask; `watch` and `monitor` schedule the asking, and `attribution` carries out what
`all_targets` makes of it; `addresses` keeps the addresses of endpoints known by hostname only.
"""
