"""The operating-system account a server runs under, and where it can read and write.

PostgreSQL refuses to run as root. Where awe is root (containers, course machines) the server
gets a numeric account of its own that no person and no service has; nothing is added to the
system's list of users, and no permission outside awe's own directories is touched: what the
account cannot reach is hard-linked or copied to a place it can.
"""

from __future__ import annotations

import os
import pwd
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from awe.errors import ConfigError

__all__ = ["Account", "hand_over", "own_directory", "place_tree", "reachable"]

# Between the ranges that distributions and systemd give out, see systemd's UIDS-GIDS.
FREE_NUMBERS = range(60600, 61184)


@dataclass(frozen=True)
class Account:
    """Numbers of the account and group a server runs under."""

    uid: int
    gid: int

    @classmethod
    def for_server(cls, seed: int) -> Account:
        """Return this process's own account, or as root a number nobody else has."""
        if os.getuid() != 0:
            return cls(os.getuid(), os.getgid())
        taken = {entry.pw_uid for entry in pwd.getpwall()}
        free = [number for number in FREE_NUMBERS if number not in taken]
        number = free[seed % len(free)]
        return cls(number, number)

    @property
    def own(self) -> bool:
        """True if it is the account of this process."""
        return self.uid == os.getuid()

    @property
    def switch(self) -> tuple[int, int] | None:
        """What `process.detach` needs to become this account; None where it already is."""
        return None if self.own else (self.uid, self.gid)


def owner_name() -> str:
    """Return the login name of the person (or root) this process belongs to."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError as error:
        msg = (
            f"account number {os.getuid()} has no name on this machine, and PostgreSQL needs "
            "one; start awe from a named account, or set database_name to a running server"
        )
        raise ConfigError(msg) from error


def named_account() -> Account:
    """Return an unprivileged account that has a name, for programs that insist on one."""
    if os.getuid() != 0:
        return Account(os.getuid(), os.getgid())
    for name in ("nobody", "daemon"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    msg = "this machine has neither an account 'nobody' nor 'daemon'; start awe as a person"
    raise ConfigError(msg)


def reachable(path: Path, account: Account) -> bool:
    """Return True if `account` may walk down to `path` (which need not exist yet)."""
    if account.own:
        return True
    for directory in (path, *path.parents):
        try:
            mode = directory.stat().st_mode
        except FileNotFoundError:
            # made later, below a directory that is looked at in its turn
            continue
        if not mode & stat.S_IXOTH:
            return False
    return True


def own_directory(path: Path, account: Account, mode: int = 0o700) -> Path:
    """Make `path` if needed and check that it is a real directory of `account`, not wider.

    Raises
    ------
    ConfigError
        Somebody else's directory, a symbolic link, or wider permissions are in the way.
    """
    try:
        path.mkdir(mode=mode)
    except FileExistsError:
        # whose it is and what it is like is checked below, as of one just made
        pass
    else:
        path.chmod(mode)
        if not account.own:
            os.chown(path, account.uid, account.gid)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != account.uid:
        msg = f"{path} is not a directory of account {account.uid}; move it away"
        raise ConfigError(msg)
    if stat.S_IMODE(found.st_mode) & ~mode & 0o777:
        msg = (
            f"{path} has mode {stat.S_IMODE(found.st_mode):04o}, others can look into it; "
            f"wanted {mode:04o}: chmod {mode:o} {path}"
        )
        raise ConfigError(msg)
    return path


def hand_over(tree: Path, account: Account) -> None:
    """Give everything below `tree` to `account`, following no link."""
    for directory, _, files in os.walk(tree):
        os.chown(directory, account.uid, account.gid, follow_symlinks=False)
        for name in files:
            os.chown(Path(directory, name), account.uid, account.gid, follow_symlinks=False)


def place_tree(source: Path, target: Path) -> None:
    """Make `target` a copy of the tree `source`, by hard links where the disk allows it."""

    def link_or_copy(original: str, copy: str) -> str:
        try:
            os.link(original, copy, follow_symlinks=False)
        except OSError:
            # another disk, or one without links; a copy that fails too is not caught
            shutil.copy2(original, copy, follow_symlinks=False)
        return copy

    shutil.copytree(
        source, target, symlinks=True, copy_function=link_or_copy,
        ignore=shutil.ignore_patterns("include", "__pycache__", "*.a"),
    )
    for directory, _, _ in os.walk(target):
        Path(directory).chmod(0o755)
