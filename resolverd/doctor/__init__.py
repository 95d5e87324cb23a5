"""What is worth knowing of a host before, or while, resolverd serves on it.

`check` judges what operators wrote; this room judges the host. Each check is a pure function
from plain values to one `Finding`; what those values are is read elsewhere (`procfs`, `sockets`,
`cgroup`, `timex`), from files that may be missing: then a finding says that it is unknown.
Nothing here changes anything on the host.
"""
