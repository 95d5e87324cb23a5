"""resolverd: authoritative DNS that answers with the nearest healthy inference region."""

__version__ = "0.1.0"
