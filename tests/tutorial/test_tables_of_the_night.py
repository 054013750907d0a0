"""Every class of the tutorial night as a table: written in every format and read back equal."""

from __future__ import annotations

import subprocess
from pathlib import Path

from prompt_process import AWE, environment

PROGRAM = '''
import sys, warnings
warnings.simplefilter("error")
sys.path.insert(0, {tests!r})
from pathlib import Path
from test_columns import round_trip
from awe.model import classes
from awe.db.declare import registry
classes.load()
full = 0
for cls in list(registry.registry.values()):
    query = cls.select_all()
    made = query.top(200).to_table()
    full += bool(len(made))
    round_trip(made, Path("."))
print("classes with objects:", full)
'''


def test_every_class_of_the_night_is_written_and_read_back(
    tutorial_home: Path, tmp_path: Path
) -> None:
    tests = str(Path(__file__).parents[1] / "db")
    script = tmp_path / "tables.py"
    script.write_text(PROGRAM.format(tests=tests))
    done = subprocess.run(
        [AWE, str(script)], env=environment(tutorial_home, project="TUTORIAL2015"), cwd=tmp_path,
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout.rsplit(":", 1)[1]) > 10
