"""The fleet of edges: what this edge shares with the others through NATS.

Nothing here is imported where `[fleet]` has no `urls`.
"""
