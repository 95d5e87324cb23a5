"""Configuration and zones by generations: published once, taken by edges in waves, or returned."""
