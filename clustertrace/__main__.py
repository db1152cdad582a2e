"""`python -m clustertrace` is the `clustertrace` command."""

from clustertrace.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
