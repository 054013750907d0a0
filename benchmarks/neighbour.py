"""One student looks for the others' work: `awe benchmarks/neighbour.py THINGS.json`.

THINGS.json lists what the others have; everything is asked for by its exact name or number, as
rows, as files by HTTP, and as jobs. Prints what was found, and ends with exit code 1 if anything.
"""

# ruff: noqa: F821 - the names are those of the prompt

import json
import sys
import urllib.error
import urllib.request
from pathlib import Path
from uuid import UUID

from awe.db.server.connection import database
from awe.db.server.tickets import ticket
from awe.errors import AweError

things = json.loads(Path(sys.argv[1]).read_text())
found = []
tried = 0
base = f"http://{Env['data_server']}:{Env['data_port']}"


def answers(path):
    """Return True if the dataserver gives anything for this path."""
    request = urllib.request.Request(base + path, headers={"Authorization": f"Bearer {ticket()}"})
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            return reply.status
    except urllib.error.HTTPError as error:
        return 0 if error.code == 404 else error.code


for object_id in things["objects"]:
    tried += 1
    try:
        found.append(ReducedScienceFrame(object_id=UUID(object_id)))
    except AweError:
        continue
for path in [f"/file/{f}" for f in things["files"]] + [f"/{name}" for name in things["names"]]:
    tried += 1
    if answers(path):
        found.append(path)
for table, column in (("job", "id"), ("job_log", "job"), ("job_item", "job"), ("attempt", "job")):
    tried += 1
    found += database.execute(
        f"SELECT * FROM awe.{table} WHERE {column} = ANY (%s) LIMIT 3", (things["jobs"],)
    )
for job in things["jobs"]:
    tried += 1
    try:
        dpu.cancel_job(job)
        found.append(f"cancelled {job}")
    except AweError:
        continue
print(json.dumps({"tried": tried, "found": [str(item) for item in found]}))
sys.exit(1 if found else 0)
