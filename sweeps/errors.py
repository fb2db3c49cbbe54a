"""What a user can set right: each is told in one sentence that says what was got, what is allowed, and what to do."""


class InputError(Exception):
    """Something asked for that cannot be done; the command line prints it and exits with 2."""


class SpecError(InputError):
    """A spec that cannot be run, or not into this root."""


class StoreError(InputError):
    """A root that cannot be used."""


class ClusterError(InputError):
    """A cluster that cannot be reached."""
