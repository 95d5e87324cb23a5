"""Benchmarks of the client map."""
