"""Engines: what turns packets into answers, from one Snapshot."""
