"""Deadlines for others, for which the time in which this host was late does not count.

`lateness` is how late it has been in all, `steps` meets one deadline in steps (both pure), and
`timeout` is `asyncio.timeout` by that rule.
"""
