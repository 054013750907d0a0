"""A command that is typed in the window behind a colon, as in imexamine: `:radius 5`, Return."""

from __future__ import annotations

__all__ = ["Colon"]

#: longest command
LONGEST = 80


class Colon:
    """The line that is being typed.

    Attributes
    ----------
    text : str
        What was typed so far, with its colon.
    open : bool
        Whether more may be typed.
    """

    def __init__(self) -> None:
        self.text = ":"
        self.open = True

    def take(self, key: str | None) -> list[str]:
        """Take a key; return the words of the command if this one ended it.

        Parameters
        ----------
        key : str or None
            Name of the key as matplotlib has it; Escape leaves the line, Return ends it.
        """
        if key in ("escape", "enter", "return", "kp_enter"):
            self.open = False
            return self.text[1:].split() if key != "escape" else []
        if key == "backspace":
            self.text = self.text[:-1] or ":"
        elif key is not None and len(key) == 1 and len(self.text) < LONGEST:
            self.text += key
        return []
