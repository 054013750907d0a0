"""What the dataserver says of a stored file on the file itself: its SHA-256, when it read it.

An extended attribute holds checksum, size and time of the last write, set when the bytes were
read and hashed. While size and time are the same, whoever may open the store's file need not read
all of it to know what it is. File systems without such attributes, and files that were copied
from elsewhere, have none: then the bytes are read. This guards against changes, not against a
disk that forgets: that is for the scrub, which reads every file again.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
import time

__all__ = ["attest", "holds", "is_let_alone"]

NAME = b"user.awe.sha256"
#: Seconds a file is taken for what it was: twice the time in which the scrub reads it again.
LONGEST = 60 * 24 * 3600.0


def attest(descriptor: int, sha256: str, status: os.stat_result) -> None:
    """Note on an open file of the store what it holds; nothing where that cannot be.

    Parameters
    ----------
    descriptor : int
        Descriptor of the file.
    sha256 : str
        Checksum of its bytes.
    status : stat_result
        State of the file before they were read: what changed since then is not attested.
    """
    told = f"{sha256} {status.st_size} {status.st_mtime_ns} {int(time.time())}"
    try:
        # the attribute of a read-only file cannot be set, by its owner neither
        os.fchmod(descriptor, 0o600)
        try:
            os.setxattr(descriptor, NAME, told.encode())
        finally:
            os.fchmod(descriptor, 0o400)
    except OSError:
        return


def holds(descriptor: int, sha256: str, size: int) -> bool:
    """Return True if an open file has that checksum: it was read before, or is now.

    Parameters
    ----------
    descriptor : int
        Descriptor of the file, its first byte next.
    sha256 : str
        The checksum it should have.
    size : int
        Its size [byte].
    """
    # Of what was opened: under the name there may be something else by now.
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_size != size:
        return False
    if _is_attested(descriptor, sha256, status):
        return True
    with open(descriptor, "rb", buffering=0, closefd=False) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest() == sha256


def _is_attested(descriptor: int, sha256: str, status: os.stat_result) -> bool:
    try:
        known, size, written, read = os.getxattr(descriptor, NAME).decode("ascii").split()
        same = (int(size), int(written)) == (status.st_size, status.st_mtime_ns)
        fresh = 0 <= time.time() - float(read) < LONGEST
    except (OSError, ValueError):
        return False
    return known == sha256 and same and fresh


def is_let_alone(descriptor: int) -> bool:
    """Return True if no process has an open file open for writing.

    Parameters
    ----------
    descriptor : int
        Descriptor of the file, open for reading only.
    """
    try:
        # A lease to read is given only where nobody has the file open for writing (fcntl(2)).
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError:
        return False
    return True
