"""How long properties are tried: quickly by default, at length under HYPOTHESIS_PROFILE=fuzz.

No profile has a deadline: a busy machine is not a defect.
"""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("quick", deadline=None)
settings.register_profile("fuzz", deadline=None, max_examples=20_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
