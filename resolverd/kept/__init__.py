"""What outlives the process in `server.state`: the files adopted last, and how things stood.

`directory` is the place and whether it can be used, `files` keeps the adopted files, `locate` finds
the place even where the configuration cannot be read, `document` puts overrides, spill rules,
verdicts and shares into a document and back, and `keeper` writes that document.
"""
