"""What happens to the fleet, one function each, and the measuring of it.

`trial` runs one under load and accounts for it; `roster` lists them all.
"""
