"""The table as it ships: one zlib stream, which every Python unpacks quickly.

The search tree goes into it column by column: of records in the order of `table.mmdb`, the high
octets hardly change from one to the next, so a third less is left than of the rows.
`resolverd.geo.embedded.unpacked` is the way back.
"""

from __future__ import annotations

import zlib

from resolverd.geo.database import Database
from resolverd.geo.embedded import COUNT, NODE

_LEVEL = 9


def packed(content: bytes) -> bytes:
    """`content`, a database with records of 24 bits, as the package has it."""
    database = Database.of(content, "table")
    count = database.metadata.node_count
    database.close()
    columns = b"".join(content[column : count * NODE : NODE] for column in range(NODE))
    return zlib.compress(count.to_bytes(COUNT, "big") + columns + content[count * NODE :], _LEVEL)
