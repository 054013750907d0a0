"""`profiles`: who logs in, from a script."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from awe.config import Environment
from awe_astrowise.database import database

__all__ = ["Profile", "profiles"]


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A login.

    Attributes
    ----------
    username, password : str
        Name and password at the database.
    """

    username: str
    password: str = field(repr=False)


class Profiles:
    """The profile of this process: all its threads are the same person."""

    def __init__(self) -> None:
        self._current: Profile | None = None

    def get_current_profile(self) -> Profile | None:
        """Return the profile in use, or None."""
        if self._current is None and database.connected():
            return self.create_profile()
        return self._current

    def create_profile(self, username: str = "", password: str = "") -> Profile:
        """Return a profile and use it; without a name that of the configuration.

        Parameters
        ----------
        username, password : str
            Login at the database.
        """
        env = Environment.load()
        name = username or env.database_user
        self._current = Profile(username=name, password=password or env.database_password)
        return self._current

    def remove_profile(self, *profiles: Any) -> None:
        """Forget the profile."""
        self._current = None


profiles = Profiles()
