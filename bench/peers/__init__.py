"""The servers that are measured: resolverd, the echo, and what Debian has beside them.

One file per server writes its configuration and knows how to start and reload it. All serve the
same zones, and the same steered name from the same database where they can read it.
"""
