"""What to answer: fences from pins, ranking, the decision, and its TTL. Pure; no I/O, no clock."""
