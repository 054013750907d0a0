"""What can be set about the prompt: `c.Awe...` in `AWE_HOME/prompt/ipython_config.py`.

In another IPython, or a notebook, that loads awe as an extension the same traits come from its own
configuration. `%config Awe` shows them, `%config Awe.prompt = '>>> '` changes one at once.
"""

from __future__ import annotations

from typing import Any

from traitlets import Bool, Int, TraitError, Unicode, validate
from traitlets.config import Configurable

from awe.db.server import scope
from awe.errors import UserMistake

__all__ = ["Awe"]

FIELDS = "{user} {project} {level} {n}"


class Awe(Configurable):
    """Settings of the prompt."""

    prompt = Unicode(
        "awe> ",
        help=f"What is shown before the cursor; {FIELDS} are filled in, n numbers what is typed.",
    ).tag(config=True)
    continuation = Unicode("...  ", help="The same for further lines of a command.").tag(
        config=True
    )
    banner = Bool(True, help="Greet with version, user, project and level.").tag(config=True)
    completion = Bool(
        True, help="Complete links, arguments and values in quotes; else IPython alone does."
    ).tag(config=True)
    keep_results = Bool(
        True, help="Keep results as Out[n] and _n; else only the last one, as _."
    ).tag(config=True)
    largest_result = Int(
        100_000,
        min=0,
        help="A result that holds more than this in memory [bytes], such as pixels, is kept as "
        "_ until the next one and not as Out[n].",
    ).tag(config=True)

    @validate("prompt", "continuation")
    def _fields_are_known(self, proposal: Any) -> str:
        text: str = proposal["value"]
        try:
            text.format(user="", project="", level=1, n=1)
        except (LookupError, ValueError, AttributeError) as error:
            name = f"Awe.{proposal['trait'].name}"
            msg = f"{name} is {text!r}; expected text with no braces but {FIELDS}: {error}"
            raise TraitError(msg) from None
        return text

    def shown(self, text: str, number: int) -> str:
        """Return a prompt with its fields filled in.

        Parameters
        ----------
        text : str
            `prompt` or `continuation`.
        number : int
            Number of the command.
        """
        if "{" not in text:
            return text
        try:
            now = scope.current()
        except UserMistake:
            return text.format(user="", project="not connected", level="", n=number)
        return text.format(
            user=now.user_name, project=now.project_name, level=now.privileges, n=number
        )
