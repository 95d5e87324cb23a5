"""What both engines have to agree on, declared once: one row a thing.

Each module here is one group of rows, and below them how they are written down in Python and in
Rust. ``make contract`` (`python -m contract`) writes the generated files into the rooms where they
belong, and `tests/contract` fails while one of them is stale. Nothing of this is installed:
resolverd imports what was generated, never this package.
"""
