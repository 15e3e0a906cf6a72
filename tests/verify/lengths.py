"""How long the long courses are: ``make verify``, or ``make verify FULL=1``."""

import os
from typing import Final

#: Whether they go to their full length.
FULL: Final = bool(os.environ.get("FULL"))
