"""An experiment past the socket: what AF_XDP and an answer in the kernel would cost here.

No part of the daemon. `python -m bench.xdp.run` builds the C and BPF of this directory with
Debian's clang and libraries, and needs root.
"""
