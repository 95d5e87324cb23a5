"""Messages and their parts: names, wire form, EDNS, client subnet, extended errors."""
