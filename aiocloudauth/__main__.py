"""`python -m aiocloudauth` is `aiocloudauth`."""

from __future__ import annotations

import sys

from aiocloudauth._cli.main import main

if __name__ == "__main__":
    sys.exit(main())
