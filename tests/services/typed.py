"""What is typed at a prompt to store a frame, and to fetch it from another."""

from __future__ import annotations

STORE = """
import os, tempfile
from pathlib import Path
os.chdir(tempfile.mkdtemp())
name = "{name}"
Path(name).write_bytes(name.encode() * 10000)
frame = RawBiasFrame(filename=name, DATE_OBS="2012-06-01T00:00:00")
frame.pathname = name
frame.store()
frame.commit()
"""
FETCH = """
import os, tempfile
from pathlib import Path
os.chdir(tempfile.mkdtemp())
(RawBiasFrame.filename == "{name}")[0].retrieve()
print(Path("{name}").read_bytes() == b"{name}" * 10000)
"""
