"""The kinds of probe, each one object in a file of its own; `kind` says what it is made of.

To add a kind: write its module here, and a row for it in `config/probe_registry.py`. A module
imports what asks endpoints (`health/probes/`) only where it is asked for a probe, for whoever reads
the configuration alone has no need of it.
"""
