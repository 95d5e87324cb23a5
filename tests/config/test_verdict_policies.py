"""`verdicts`: which of the fleet's, a service's and a region's counts, and what is refused."""

from __future__ import annotations

import pytest

from resolverd.config.targets import probe_targets
from resolverd.config.verdict_policies import policies_of
