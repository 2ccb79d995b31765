"""``python -m deepwell``."""

import sys

from deepwell.cli.main import main

sys.exit(main())
