"""Errors that a user can fix, and how they are shown. Each message says what was given, what is allowed, and what to do."""

import difflib
import errno
import os
import re
import sys
from collections.abc import Iterable

# Remedies for operating-system errors, by errno.
REMEDIES = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space, or have the quota raised",
    errno.EFBIG: "raise the limit on the size of files (ulimit -f)",
    errno.EROFS: "make it writable",
    errno.EACCES: "have it made accessible to you",
    errno.EMFILE: "raise the limit on open files (ulimit -n)",
}


class UserError(Exception):
    """Base class of errors in what the user asked for. The command line prints the message and exits with 2."""


class SpecError(UserError):
    """A spec that cannot be run, or not into this root."""


class StoreError(UserError):
    """A root that cannot be used."""


class AnalysisError(UserError):
    """An analysis that the tables do not allow. The message says what was asked, what is available, and what to do."""


class BadFileError(StoreError):
    """A file of a root that is missing, truncated, damaged, or was not written by grokjax."""


class BadFileWarning(UserWarning):
    """A file of a root that was left out, as asked."""


class ComponentError(UserError):
    """A task, model or optimizer of an installed package that cannot be used."""


class ClusterError(UserError):
    """A cluster that cannot be reached."""


def reason(error: Exception) -> str:
    """The cause of an error in one line; for an operating-system error, the system's own message."""
    number = _system_error(error)
    if number is not None:
        return os.strerror(number)
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def remedy(error: Exception) -> str | None:
    """A suggested remedy for an operating-system error; None if there is none."""
    return REMEDIES.get(_system_error(error) or 0)


def _system_error(error: Exception) -> int | None:
    """The errno behind an error, parsed from its message where a native library reports it only as text."""
    number = getattr(error, "errno", None)
    found = re.search(r"\((?:os error|errno) (\d+)\)|\[[Ee]rrno (\d+)\]", str(error))
    return number if isinstance(number, int) or found is None else int(found[1] or found[2])


def nearest(name: str, known: Iterable[str]) -> str:
    """The suffix "; did you mean ...?" with the known name closest to an unknown one; empty if none is close."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else ""


def warn(sentence: str) -> None:
    """Warns the user about something that does not stop the command."""
    sys.stderr.write(f"grokjax: {sentence}\n")
