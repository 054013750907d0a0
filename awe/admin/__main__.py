"""`python -m awe.admin` is `awe-admin`."""

from __future__ import annotations

import sys

from awe.admin.command import main

if __name__ == "__main__":
    sys.exit(main())
