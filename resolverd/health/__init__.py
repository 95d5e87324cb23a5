"""Health: is an endpoint serving, since when, and how soon could that change.

`machine`, `verdict`, `region`, `overrides`, `doubt` and `trial` are pure; `probes` ask; `monitor`
schedules the asking; `hearing` finds out whose fault a silence is; `addresses` keeps the
addresses of endpoints known by hostname only.
"""
