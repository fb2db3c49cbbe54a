"""Numbers as short texts that the page unpacks: bytes of a kind together, deflated, in base64."""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

# A category that a run has not.
NO_CODE = 0xFFFF


def packed(data: bytes) -> str:
    """Bytes, deflated (zlib, RFC 1950) and in base64."""
    return base64.b64encode(zlib.compress(data, 9)).decode("ascii")


def planes(numbers: Array) -> bytes:
    """The bytes of little-endian numbers [n], the least significant bytes of all first: what is alike lies together."""
    little = np.ascontiguousarray(numbers).astype(numbers.dtype.newbyteorder("<"), copy=False)
    return little.view(np.uint8).reshape(len(little), little.dtype.itemsize).T.tobytes()


def differences(codes: Array, starts: Array) -> Array:
    """Codes [n] of 16 bits as differences from the one before, modulo 2^16, small ones of either sign as small numbers.

    The codes at `starts` are differences from 0.
    """
    before = np.concatenate([[0], codes[:-1]]).astype(np.uint16)
    before[starts] = 0
    signed = (codes.astype(np.uint16) - before).view(np.int16)
    return ((signed << 1) ^ (signed >> 15)).view(np.uint16)
