"""The interactive prompt as an application of IPython, configured below AWE_HOME.

`AWE_HOME/prompt` is its profile: `ipython_config.py`, `startup/*.py`, history. It is IPython's
own application without a command line, without a report of crashes, and without the other places
IPython reads: the working directory, `~/.ipython`, `/etc/ipython` and `PYTHONSTARTUP` are left
alone unless the configuration names them.
"""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

from IPython.core.application import ProfileAwareConfigLoader
from IPython.core.profiledir import ProfileDir
from IPython.terminal.ipapp import TerminalIPythonApp
from traitlets import Bool, TraitError, Unicode, default
from traitlets.config import Application
from traitlets.config.loader import JSONFileConfigLoader

from awe.config import home_directory
from awe.errors import ConfigError
from awe.prompt import profile
from awe.prompt.banner import banner
from awe.prompt.manners import Manners
from awe.prompt.session import Session
from awe.prompt.shell import AweShell, Ended, defaults
from awe.prompt.traits import Awe
from awe.terminal import err

__all__ = ["AweApp", "run"]


class _PythonLoader(ProfileAwareConfigLoader):
    """Reads python configuration that nobody else could have written, included files too."""

    def _find_file(self) -> None:
        super()._find_file()
        profile.refuse_foreign(Path(self.full_filename), home_directory())


class _JSONLoader(JSONFileConfigLoader):
    """Reads JSON configuration that nobody else could have written."""

    def _find_file(self) -> None:
        super()._find_file()
        profile.refuse_foreign(Path(self.full_filename), home_directory())


class AweApp(TerminalIPythonApp):
    """IPython's terminal application, as the awe prompt."""

    name = Unicode("awe")
    python_config_loader_class = _PythonLoader
    json_config_loader_class = _JSONLoader
    raise_config_file_errors = Bool(True)
    exec_PYTHONSTARTUP = Bool(False).tag(config=True)

    #: given by `run`
    session: Session
    names: dict[str, Any]
    #: what the shell was given
    manners: Manners

    @default("ipython_dir")
    def _below_awe_home(self) -> str:
        return str(profile.directory(home_directory()))

    def initialize(self, argv: Any = None) -> None:
        """Read the configuration and make the shell; there is no command line to read."""
        self.init_profile_dir()
        self.load_config_file()
        # All are judged before the first one runs: a refused one leaves no session half set up.
        for path in profile.startup_files(Path(self.ipython_dir)):
            profile.refuse_foreign(path, home_directory())
        app: Any = self
        app.init_shell()
        app.init_banner()
        app.init_gui_pylab()
        app.init_extensions()
        app.init_code()

    def init_profile_dir(self) -> None:
        """Use the one profile there is."""
        self.profile_dir = ProfileDir(location=self.ipython_dir)

    def load_config_file(self, *_: Any, **__: Any) -> None:
        """Read the configuration; one that fails is named, and left out."""
        self.config = defaults()
        try:
            Application.load_config_file(self, profile.CONFIGURATION[0], path=self.ipython_dir)
        except ConfigError:
            raise
        except Exception as error:
            err(f"{_mistaken(error, Path(self.ipython_dir))}; it is left out\n")

    def init_shell(self) -> None:
        """Make the shell with awe's names and manners."""
        settings = Awe(parent=self)
        shell: Any = AweShell.instance(
            parent=self, profile_dir=self.profile_dir, ipython_dir=self.ipython_dir,
            settings=settings, greeting=banner(self.session), user_ns={"__name__": "__main__"},
        )  # fmt: skip
        shell.configurables.append(self)
        self.shell = shell
        self.manners = Manners(shell, self.names, settings, debug=self.session.debug)

    def init_path(self) -> None:
        """Leave the working directory out of where modules come from."""

    def _run_startup_files(self) -> None:
        """Run the files of the profile; one that fails does not stop the others."""
        for path in profile.startup_files(Path(self.ipython_dir)):
            try:
                self._exec_file(str(path))
            except Exception:
                AweShell.instance().showtraceback()

    def _exec_file(self, fname: str, shell_futures: bool = False) -> None:
        """Run a file, which is looked for in the profile and not in the working directory."""
        path = Path(self.ipython_dir, Path(fname).expanduser())
        if not path.exists():
            msg = f"configuration names {fname!r}, but there is no file {path}"
            raise ConfigError(msg)
        profile.refuse_foreign(path, home_directory())
        self.manners.whole()
        run: Any = super()._exec_file
        run(str(path), shell_futures=shell_futures)


def _mistaken(error: Exception, place: Path) -> str:
    """Return where in the configuration an error is, and what it is."""
    names = {str(place / name) for name in profile.CONFIGURATION}
    lines = [(f.filename, f.lineno) for f in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError):
        lines.append((error.filename or "", error.lineno))
    path, line = next(
        ((path, line) for path, line in reversed(lines) if path in names),
        (place / profile.CONFIGURATION[0], None),
    )
    where = f" line {line}" if line else ""
    return f"configuration {path}{where}: {type(error).__name__}: {error}"


def run(session: Session, names: dict[str, Any]) -> int:
    """Run the prompt until it is left; return the exit code.

    Parameters
    ----------
    session : Session
        Who works where; its AWE_HOME holds history and configuration.
    names : dict
        Names at the prompt.

    Raises
    ------
    ConfigError
        A file of configuration could have been written by others, or sets what cannot be set.
    """
    app: Any = AweApp.instance()
    app.session, app.names = session, names
    try:
        app.initialize()
    except TraitError as error:
        msg = f"configuration {Path(app.ipython_dir, profile.CONFIGURATION[0])}: {error}"
        raise ConfigError(msg) from error
    try:
        app.start()
    except Ended:
        app.shell.atexit_operations()
    return int(app.shell.exit_code)
