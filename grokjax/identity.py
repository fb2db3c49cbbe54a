"""Identities: the hash that names a run, a group, a pack or a spec, and the version of the trajectories. Imports no jax."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

# Raise when the code changes the trajectory of a config: every run_id changes with it.
TRAJECTORY_VERSION = 1

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(content: Mapping[str, Any]) -> str:
    """16 hex digits of the SHA-256 of the content as canonical JSON: sorted keys, no spaces, no NaN."""
    return hashlib.sha256(_CANONICAL.encode(content).encode()).hexdigest()[:16]
