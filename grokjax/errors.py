"""The errors that a user can act on; each message says what was given, what is allowed, and what to do. And how errors read."""

from __future__ import annotations

import difflib
import errno
import os
import re
import sys
from collections.abc import Iterable

# What helps where the system refuses.
REMEDIES = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space, or have the quota raised",
    errno.EFBIG: "raise the limit on the size of files (ulimit -f)",
    errno.EROFS: "make it writable",
    errno.EACCES: "have it made accessible to you",
    errno.EMFILE: "raise the limit on open files (ulimit -n)",
}


class UserError(Exception):
    """Something asked for that cannot be done; the command line prints it and exits with 2."""


class SpecError(UserError):
    """A spec that cannot be run, or not into this root."""


class StoreError(UserError):
    """A root that cannot be used."""


class AnalysisError(UserError):
    """A question that the tables cannot answer. The message says what was asked, what there is, and what to do."""


class BadFileError(StoreError):
    """A file of a root that is missing, cut short, damaged, or none of ours."""


class BadFileWarning(UserWarning):
    """A file of a root that was left out, as asked."""


class ClusterError(UserError):
    """A cluster that cannot be reached."""


def reason(error: Exception) -> str:
    """What an error says went wrong, in one line; where the system refused something, in its words."""
    number = _system_error(error)
    if number is not None:
        return os.strerror(number)
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def remedy(error: Exception) -> str | None:
    """What helps where the system refused something; None if that is not known."""
    return REMEDIES.get(_system_error(error) or 0)


def _system_error(error: Exception) -> int | None:
    """The number of the system's error behind an error, which libraries in other languages tell in words."""
    number = getattr(error, "errno", None)
    found = re.search(r"\((?:os error|errno) (\d+)\)|\[[Ee]rrno (\d+)\]", str(error))
    return number if isinstance(number, int) or found is None else int(found[1] or found[2])


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown name: a question that offers the nearest known one, or nothing."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else ""


def warn(sentence: str) -> None:
    """Prints a warning about something that proceeds anyway."""
    sys.stderr.write(f"grokjax: {sentence}\n")
