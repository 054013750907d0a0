"""`Env` as scripts of Astro-WISE use it: awe's configuration, and the switches of messages."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass
from typing import Any

from awe.errors import ConfigError
from awe.prompt import namespace

__all__ = ["Env"]


@dataclass
class Log:
    """The log of a session, `Env['log']`: messages are appended to a file once it has a name.

    Attributes
    ----------
    filename : str
        Path of the file; empty for no file.
    """

    filename: str = ""


class AstroWiseEnvironment(MutableMapping[str, Any]):
    """The configuration in force; `log`, `loglevel` and `logprint` can be set."""

    def __init__(self) -> None:
        #: loglevel: bits of the levels that are printed; logprint: 0 prints nothing
        self._own: dict[str, Any] = {"log": Log(), "loglevel": 63, "logprint": 1}

    def __getitem__(self, key: str) -> Any:
        return self._own[key] if key in self._own else namespace.find("Env")[key]

    def __setitem__(self, key: str, value: Any) -> None:
        if key in self._own:
            self._own[key] = value
        else:
            namespace.find("Env")[key] = value  # says where it is set

    def __delitem__(self, key: str) -> None:
        msg = f"Env[{key!r}] cannot be deleted; it is part of the configuration"
        raise ConfigError(msg)

    def __iter__(self) -> Iterator[str]:
        return iter([*namespace.find("Env"), *self._own])

    def __len__(self) -> int:
        return len(namespace.find("Env")) + len(self._own)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(namespace.find("Env"), name)

    def __repr__(self) -> str:
        own = "\n".join(f"{key:18}: {value!r}" for key, value in self._own.items())
        return f"{namespace.find('Env')!r}\n{own}"


Env = AstroWiseEnvironment()
