"""Parts of pages that are made, between two lines that name them; what is around them is typed."""

from __future__ import annotations

import re


def with_part(page: str, name: str, text: str) -> str:
    """`page` with `text` between its lines ``<!-- NAME: begin …`` and ``<!-- NAME: end -->``.

    Raises ValueError for a page that has no such two lines, or has them twice.
    """
    of_name = re.escape(name)
    part = re.compile(
        rf"(^<!-- {of_name}: begin[^\n]*-->\n).*?(^<!-- {of_name}: end -->$)", re.M | re.S
    )
    made, found = part.subn(lambda at: f"{at[1]}\n{text}\n\n{at[2]}", page)
    if found != 1:
        raise ValueError(
            f"the page has {'no' if not found else 'several'} parts {name!r}: two lines "
            f"<!-- {name}: begin; … --> and <!-- {name}: end -->"
        )
    return made


def names(page: str, kind: str) -> list[str]:
    """Of the parts ``<!-- KIND NAME: begin …``, the names in order."""
    return re.findall(rf"^<!-- {re.escape(kind)} (\S+): begin.*-->$", page, re.M)
