"""Asking the fleet: a program that sends by the clock, and what it writes of each query."""
