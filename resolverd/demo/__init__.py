"""The demo: a daemon, simulated regions and ten cities, all on loopback, that verifies itself."""
