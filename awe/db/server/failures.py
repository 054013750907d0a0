"""What the database's refusals and failures mean to the person at the prompt.

Turns errors of the driver into errors of awe, one sentence each, without ever showing a
password. It decides nothing about retrying; it only tells the kinds apart.
"""

from __future__ import annotations

from typing import Any

import psycopg2

from awe.config import Environment
from awe.errors import (
    AweError,
    DatabaseError,
    DataserverError,
    Defect,
    LoginRefused,
    QueryError,
    Refused,
    SchemaMismatch,
    ServiceDown,
)

__all__ = [
    "connecting",
    "is_away",
    "is_conflict",
    "is_full",
    "is_lost",
    "is_starting",
    "is_unsendable",
    "is_unstored",
    "translate",
    "unconnected",
]

LOST = "connection to the database lost, nothing was stored; run it again"
FAILED = (
    "a statement of this transaction was refused, so nothing of it was stored; leave out what was "
    "refused and run the rest again"
)
UNSENDABLE = (
    "a value cannot be sent to the database: text with a NUL character or half a surrogate pair, "
    "which it does not keep; leave that character out"
)
NOT_STORED = "connection lost while committing; checked: nothing was stored, run it again"
UNKNOWN = (
    "connection to the database lost while committing, and it does not answer: not known whether "
    "it is stored; once the database answers, commit() of the same object asks again and stores "
    "nothing twice"
)

# SQLSTATEs: serialization failure and deadlock; shutdown by an administrator, by a crash, and a
# server that does not accept connections yet. Class 08 is a connection that broke.
CONFLICTS = ("40001", "40P01")
ENDED = ("57P01", "57P02", "57P03")
#: a row names a file that is not stored, or no more
UNSTORED = "AW010"


def is_unsendable(error: ValueError) -> bool:
    """Return True if a value has a character that PostgreSQL keeps nowhere."""
    return isinstance(error, UnicodeEncodeError) or "NUL" in str(error)


def is_starting(error: Exception) -> bool:
    """Return True if the server is only starting, stopping or recovering."""
    text = str(error)
    return any(
        phrase in text
        for phrase in ("starting up", "shutting down", "in recovery mode", "not yet accepting")
    )


def is_conflict(error: BaseException) -> bool:
    """Return True if a transaction lost against another one and may be tried again."""
    return getattr(error.__cause__, "pgcode", None) in CONFLICTS


def is_unstored(error: BaseException) -> bool:
    """Return True if an object was refused because its file is not stored, or no more."""
    return getattr(error.__cause__, "pgcode", None) == UNSTORED


def is_lost(error: Any, connection: Any) -> bool:
    """Return True if the connection is gone."""
    code = error.pgcode or ""
    return bool(connection.closed) or code in ENDED or code.startswith("08")


def is_away(error: BaseException) -> bool:
    """Return True if a service is not there for the moment, so that the same may work later.

    False if it answered: a statement that took too long, a conflict, a file it refuses.
    """
    if isinstance(error, DataserverError):
        return bool(getattr(error, "worth_another_try", True))
    if isinstance(error, DatabaseError):
        code = getattr(error.__cause__, "pgcode", None)
        return code not in ("57014", *CONFLICTS) and str(error) != FAILED
    return isinstance(error, ServiceDown)


def is_full(error: Exception) -> bool:
    """Return True if the server takes no more connections, from this user or from anybody."""
    text = str(error)
    return any(
        phrase in text
        for phrase in ("too many connections", "too many clients", "remaining connection slots")
    )


def _reason(error: Exception) -> str:
    """Return the line of the driver's text that says what is wrong; the others are advice.

    Where it tried several addresses, what a server said goes before that another was silent.
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = [line for line in lines if "FATAL" in line]
    return (said or lines or [type(error).__name__])[0]


def connecting(error: Exception, environment: Environment) -> AweError:
    """Return the error for a connection that could not be made."""
    text = _reason(error)
    user = environment.database_user.upper()
    if is_full(error):
        reason = text.partition("FATAL:")[2].strip() or text
        step = (
            "end some of your own prompts and scripts, or try again in a moment"
            if "for role" in reason
            else "that is everybody's together, not yours alone; try again in a moment"
        )
        msg = f"the database is busy: {reason}; {step}"
        return DatabaseError(msg)
    refused = ("password", "authentication", "does not exist", "no pg_hba", "not permitted")
    if "FATAL" in text and any(word in text for word in refused):
        reason = text.partition("FATAL:")[2].strip()
        msg = (
            f"the database refused {user}: {reason}; check database_user and "
            f"database_password in {environment.home / 'Environment.cfg'}"
        )
        return LoginRefused(_without_password(msg, environment))
    where = environment.database_name or "(no database_name)"
    msg = (
        f"the database {where} cannot be reached: {text.removeprefix('connection to server ')}; "
        f"start it with `awe-admin start`, or check database_name"
    )
    return DatabaseError(_without_password(msg, environment))


def unconnected(trouble: str) -> str:
    """Return the message where nobody has connected: why the prompt could not, if it tried."""
    start = "start the prompt with `awe`, or call context.start(environment)"
    return f"not connected: {trouble or start}"


def _without_password(text: str, environment: Environment) -> str:
    secret = environment.database_password
    return text.replace(secret, "...") if len(secret) > 3 else text


def translate(error: Any, *, in_transaction: bool = False) -> AweError:
    """Return what an error of the driver means, to be raised from it."""
    code: str = error.pgcode or ""
    text = (error.diag.message_primary or str(error)).strip() or type(error).__name__
    if code in CONFLICTS:
        return DatabaseError("conflict with another transaction: nothing was changed; try again")
    if not code or code in ENDED or code.startswith("08"):
        return _broken(error, text, in_transaction)
    # A cancelled statement. Ctrl-C is told apart before this, so it was the timeout.
    if code == "57014":
        msg = "the database gave up after ten minutes; narrow the query, or ask for a count first"
        return DatabaseError(msg)
    if code.startswith("AW"):
        return Refused(text)
    # Privilege or policy; foreign key, unique, check and not-null constraint.
    if code in ("42501", "23503", "23505", "23514", "23502"):
        return Refused(_refusal(code, error, text))
    # A table, column or function that does not exist; then class 22, data, and 53, resources.
    if code in ("42P01", "42703", "42883"):
        msg = f"the database lacks what this version of awe asks for ({text}); awe-admin doctor"
        return SchemaMismatch(msg)
    if code.startswith("22"):
        return QueryError(f"the database cannot use a value: {text}")
    if code.startswith("53"):
        return DatabaseError(f"the database has no room or no connection left: {text}")
    return Defect(f"the database reports {code}: {text}")


def _broken(error: Any, text: str, in_transaction: bool) -> AweError:
    if isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError) or error.pgcode:
        return DatabaseError(LOST if in_transaction else f"connection lost: {text}; run it again")
    if isinstance(error, psycopg2.DataError | psycopg2.ProgrammingError):
        return QueryError(f"a value cannot be sent to the database: {text}")
    return DatabaseError(f"the database failed: {text}")


def _refusal(code: str, error: Any, text: str) -> str:
    detail = (error.diag.message_detail or "").strip()
    if code == "23503":
        return f"another object depends on it, or it refers to an absent one: {detail or text}"
    if code == "23505":
        return f"there is such an object already: {detail or text}"
    reasons = {"42501": "the database does not allow it", "23514": "a value is out of its range"}
    return f"{reasons.get(code, 'a value is missing')}: {text}"
