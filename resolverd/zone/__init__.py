"""Zones: master files (RFC 1035 §5) read, checked and frozen."""
