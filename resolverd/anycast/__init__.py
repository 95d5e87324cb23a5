"""`resolverd anycast`: this edge's service addresses, announced while it is fit to answer.

    looking ─► Seen ─► fitness ─► transitions (with damping) ─► wanted phase of each address
                                        │
                     floor (the fleet) ─┤ may it be withdrawn?
                                        ▼
                    bird or exabgp ─► the route, and the proof of it

`fitness`, `damping`, `transitions`, `ebb` and `floor` are pure: plain values and a reading of the
monotonic clock. The process is one of its own: it outlives the daemon, to withdraw what that can
no longer answer for.
"""
