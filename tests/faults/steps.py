"""What is done with a frame, and who may be killed meanwhile."""

from __future__ import annotations

__all__ = ["STEPS", "VICTIMS"]

#: the steps of a frame, from the question which there are to the end of its job
STEPS = ("select", "choose", "read", "reduce", "write", "reserve", "upload", "verify", "commit",
         "log", "state")  # fmt: skip
#: who is killed where; nobody is the control
VICTIMS = {
    "local": ("nobody", "worker", "runner", "dataserver", "postmaster", "backend"),
    "slurm": ("nobody", "worker", "runner", "dataserver", "postmaster", "backend"),
    "prompt": ("nobody", "prompt", "dataserver", "postmaster", "backend"),
}
