"""Round-trip times: what was measured, and from it what is expected between a place and a region.

`table` reads measurements, `fit` makes a `field` of them, `blend` adds what is known of one
country, network or prefix. Pure but for the reading of files and of the kernel; times are in ms,
coordinates in degrees, distances in kilometres, ages in seconds.
"""
