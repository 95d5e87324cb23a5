"""Geography: where an address is, how far two places are, and the databases that say so."""
