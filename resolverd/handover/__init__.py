"""Restarts and upgrades without a query lost: who answers between two daemons, and until when."""
