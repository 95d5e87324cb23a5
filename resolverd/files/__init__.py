"""Operators' files, as they are read and watched: bounded in time and size, whatever they are.

`threads` bounds the time, `reading` reads one file, `matching` finds them, `scanning` says what
all of them hold now, `settling` when an edit is finished, and `notifications` when to scan.
"""
