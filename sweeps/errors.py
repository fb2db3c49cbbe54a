"""What a user can set right: each is told in one sentence that says what was got, what is allowed, and what to do."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable


class InputError(Exception):
    """Something asked for that cannot be done; the command line prints it and exits with 2."""


class SpecError(InputError):
    """A spec that cannot be run, or not into this root."""


class StoreError(InputError):
    """A root that cannot be used."""


class BadFileError(StoreError):
    """A file of a root that is missing, cut short, damaged, or none of ours."""


class BadFileWarning(UserWarning):
    """A file of a root that was left out, as asked."""


class ClusterError(InputError):
    """A cluster that cannot be reached."""


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown name: a question that offers the nearest known one, or nothing."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else ""


def warn(sentence: str) -> None:
    """Tells the user what is done all the same."""
    sys.stderr.write(f"grokjax: {sentence}\n")
