"""The side-by-side run: every server under the same load on this machine, in one go."""
