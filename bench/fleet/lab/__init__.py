"""The laboratory: edges, regions, NATS, clients and a router, each in a network namespace.

    clients ──┐
    e1 … e5 ──┤
    regions ──┼── router      BIRD: anycast by BGP and BFD; every pair's packets pass here
    n1 … n3 ──┘

`places` says who there is and at which addresses, `namespaces` and `processes` make and end what
the kernel holds, `faults` is what can go wrong between two of them; one module for each program
that is run. `lab` puts them together. Nothing is left: namespaces and processes are ended by name
and by id, and die with the process that made them; what a killed one left, the next removes.
"""
