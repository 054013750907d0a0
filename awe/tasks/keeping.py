"""The end of a unit: its product is committed, with the job's record of it.

Product and record are in one transaction: an attempt that is repeated sees both or neither, and
makes nothing twice. Knows nothing of how a product is made.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from awe.db.objects.commit import commit_all
from awe.db.server.connection import database
from awe.db.server.failures import is_unstored
from awe.errors import Refused
from awe.model.data import store
from awe.tasks.products import new_objects

__all__ = ["keep"]


def keep(product: Any, record: Callable[[Any], None] | None = None) -> None:
    """Commit a product whose files are stored, with all it brought along.

    A database that fell may have forgotten that the last files arrived, since their rows do not
    wait for the disk: these are sent once more.

    Parameters
    ----------
    product : object
        New object.
    record : callable, optional
        Function that writes the job's record of the product into the same transaction.

    Raises
    ------
    Refused
        The database does not allow it; nothing was stored.
    """
    try:
        _commit(product, record)
    except Refused as error:
        if not is_unstored(error):
            raise
        store(new_objects(product))
        _commit(product, record)


def _commit(product: Any, record: Callable[[Any], None] | None) -> None:
    with database.transaction():
        commit_all([product, *product.__dict__.get("_companions", [])])
        if record is not None:
            record(product)
