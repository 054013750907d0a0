"""Every error a user can meet, by name.

One root, `AweError`, with two branches: `UserMistake` (something the person at the prompt can
mend; shown as one line, may cross the network by its `code`) and `Defect` (a broken promise of
awe itself; shown with its traceback). Each leaf also inherits the builtin one would catch.
A message names the thing, what was found, what was wanted and what to do next.
"""

from __future__ import annotations

__all__ = [
    "ArchiveError",
    "ArgumentError",
    "AttributeUnknown",
    "AweError",
    "BadFits",
    "BadHeader",
    "ChecksumMismatch",
    "ConfigError",
    "DatabaseError",
    "DataserverError",
    "Defect",
    "DiskFull",
    "FileGone",
    "FileTaken",
    "JobError",
    "JobUnknown",
    "LoginRefused",
    "NoCalibration",
    "NoValidPixels",
    "NotFound",
    "NotVisible",
    "OutOfRange",
    "OutcomeUnknown",
    "ParameterError",
    "ProjectUnknown",
    "QueryError",
    "QuotaExceeded",
    "Refused",
    "SchemaMismatch",
    "ServiceDown",
    "StoreAway",
    "UserMistake",
    "WrongShape",
    "among",
    "nearest",
]


class AweError(Exception):
    """Root of all errors awe raises on purpose."""

    @property
    def code(self) -> str:
        """Stable name of the error, as it crosses the network."""
        return type(self).__name__


class UserMistake(AweError):
    """Something the user can mend: shown as one line, without a traceback."""


class Defect(AweError, RuntimeError):
    """A promise of awe itself is broken: shown with its traceback, please report it."""


class ConfigError(UserMistake, ValueError):
    """A configuration value is missing, malformed or readable by others."""


class DatabaseError(UserMistake, ConnectionError):
    """The database cannot be reached or broke off; nothing was stored."""


class OutcomeUnknown(DatabaseError):
    """The connection broke off while a commit was being written; nobody knows yet how it ended."""


class LoginRefused(UserMistake, PermissionError):
    """The database does not accept this user name and password."""


class SchemaMismatch(UserMistake, RuntimeError):
    """The database's schema is older or newer than this version of awe."""


class ServiceDown(UserMistake, ConnectionError):
    """A service of awe does not run or does not answer."""


class StoreAway(ServiceDown):
    """The place of the stored files cannot be asked, so that nothing is known of any of them."""


class DataserverError(UserMistake, ConnectionError):
    """The dataserver cannot be reached or refused the request."""


class ArchiveError(UserMistake, ConnectionError):
    """An archive does not answer, or not with the files that were requested."""


class DiskFull(UserMistake, OSError):
    """There is no space left where a file had to go."""


class QuotaExceeded(DiskFull):
    """Somebody's files would be more than they may have."""


class FileGone(UserMistake, FileNotFoundError):
    """A file is not where it is wanted, or not visible to you."""


class FileTaken(UserMistake, FileExistsError):
    """A file of that name or id is there already, with other content."""


class ChecksumMismatch(UserMistake, OSError):
    """Bytes are not those that were stored."""


class BadFits(UserMistake, ValueError):
    """A file is not a FITS file awe can trust."""


class BadHeader(UserMistake, ValueError):
    """Header cards are missing or cannot be understood."""


class WrongShape(UserMistake, ValueError):
    """Two images that must fit each other do not."""


class NoValidPixels(UserMistake, ValueError):
    """Nothing is left to compute from."""


class AttributeUnknown(UserMistake, AttributeError):
    """A persistent class has no attribute of that name."""


class QueryError(UserMistake, TypeError):
    """A query is written in a way that would silently mean something else."""


class OutOfRange(UserMistake, IndexError):
    """A query has fewer objects than the index asks for."""


class NotFound(UserMistake, LookupError):
    """No object answers the description."""


class NotVisible(UserMistake, LookupError):
    """An object exists in the lineage but is not visible to you."""


class NoCalibration(UserMistake, LookupError):
    """No calibration frame may be chosen; the message lists every candidate and its reason."""


class ProjectUnknown(UserMistake, LookupError):
    """There is no such project, or you are not a member of it."""


class Refused(UserMistake, PermissionError):
    """The database does not allow this change."""


class ArgumentError(UserMistake, ValueError):
    """An argument of a task or command is unknown, missing or of the wrong type."""


class ParameterError(UserMistake, ValueError):
    """A process parameter is unknown or out of range."""


class JobError(UserMistake, RuntimeError):
    """A job failed or cannot do what was asked."""


class JobUnknown(UserMistake, LookupError):
    """There is no such job, or it is not yours."""


def among(name: str, known: list[str]) -> str:
    """Return the known name that was meant as `nearest` does, or what there is where none is near.

    For lists a person can read; the names are joined in one line.
    """
    return nearest(name, known) or f"; it has {', '.join(known)}"


def nearest(name: str, known: list[str]) -> str:
    """Return `"; did you mean 'X'?"` for the known name nearest to `name`, or an empty string."""
    from difflib import get_close_matches

    folded = {k.lower(): k for k in known}
    match = get_close_matches(name.lower(), list(folded), n=1, cutoff=0.6)
    return f"; did you mean {folded[match[0]]!r}?" if match else ""
