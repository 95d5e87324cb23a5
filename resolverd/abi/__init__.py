"""The C ABI of the native library (`native/`): found, loaded and declared here and nowhere else.

`library` finds and loads; each other module declares the functions of one part of the crate
and wraps its handles. Everything above asks `library.why_not()` before it asks for more.
"""
