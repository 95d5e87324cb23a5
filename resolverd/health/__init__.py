"""Health: is an endpoint serving, since when, and how soon could that change.

`machine`, `verdict`, `region` and `overrides` are pure; `probes` ask; `monitor` schedules
the asking; `addresses` keeps the addresses of endpoints known by hostname only.
"""
