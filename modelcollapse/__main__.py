"""``python -m modelcollapse``, and ``accelerate launch -m modelcollapse``."""

import sys

from modelcollapse.cli import main

sys.exit(main())
