"""`python -m resolverd` is the command line."""

from resolverd.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
