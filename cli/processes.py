"""``tendril api``, ``tendril worker``, ``tendril migrate``: one process of a deployment each."""


def api() -> None:
    """Run the API alone, against the database and Temporal that the settings name."""
    raise NotImplementedError


def worker() -> None:
    """Run the worker alone, against the database and Temporal that the settings name."""
    raise NotImplementedError


def migrate() -> None:
    """Bring the database's tables to this build's version."""
    raise NotImplementedError
