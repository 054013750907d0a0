"""Lines as scripts of Astro-WISE have them, run one after the other by `awe`; told as JSON.

Its argument is a file with a list of lines, its output for each the name of the error and its
text, or nothing.
"""

import json
import sys
from pathlib import Path

from awe.errors import UserMistake

SCRIPT = {**globals()}


def said(line):
    """Run a line; return what went wrong as [kind, text, is one line of awe's]."""
    try:
        exec(compile(line, "<script>", "exec"), SCRIPT)
    except Exception as error:
        return [type(error).__name__, str(error), isinstance(error, UserMistake)]
    return None


source, result = map(Path, sys.argv[1:])
lines = json.loads(source.read_text())
result.write_text(json.dumps([said(line) for line in lines]))
