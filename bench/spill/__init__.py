"""A simulation of three regions under load: nearest, least-loaded, and resolverd's spill."""
