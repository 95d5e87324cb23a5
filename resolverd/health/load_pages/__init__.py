"""What other servers' pages tell of their load; pure: octets in, plain values out.

A page is read by a `Format`: which metrics of it mean what. The built-in ones are in `formats`,
found by the names on the page; one for any other page is made of a mapping in the configuration
(`mapping`); llama.cpp's list of slots is JSON and has a reader of its own (`slots`). A page is not
trusted: nothing in it raises, and what cannot be read, or is not told, is None: unknown, never 0.
"""

from resolverd.health.load_pages.detect import read_page
from resolverd.health.load_pages.formats import FORMATS
from resolverd.health.load_pages.mapping import format_of
from resolverd.health.load_pages.page import LoadPage

__all__ = ["FORMATS", "LoadPage", "format_of", "read_page"]
