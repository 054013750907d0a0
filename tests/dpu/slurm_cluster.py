"""A SLURM of the test's own on loopback: its controller, one node, and the key they share."""

from __future__ import annotations

import getpass
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

NEEDED = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel")
SETTINGS = """\
ClusterName=awetests
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters={resources}
SlurmdParameters=config_overrides
MpiDefault=none
ReturnToService=2
KillWait=2
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0
NodeName={host} NodeAddr=127.0.0.1 CPUs={processors} {node}
PartitionName=tests Nodes=ALL Default=YES
PartitionName=brief Nodes=ALL MaxTime=1
{more}"""
#: a cluster that knows the memory of its nodes and ends what takes more than it asked for
WITH_MEMORY = {
    "resources": "CR_Core_Memory", "node": "RealMemory=1000",
    "more": "JobAcctGatherType=jobacct_gather/linux\nJobAcctGatherFrequency=task=1\n"
            "JobAcctGatherParams=OverMemoryKill\n",
}  # fmt: skip
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"}


class SlurmCluster:
    """The daemons of one cluster below a folder."""

    def __init__(self, folder: Path, processors: int = 2, **more: str) -> None:
        self.folder = folder
        self.processors = processors
        self._more = {"resources": "CR_Core", "node": "", "more": "", **more}
        self.settings = folder / "slurm.conf"
        self._environment = {**ENVIRONMENT, "SLURM_CONF": str(self.settings)}
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        for name in ("state", "spool", "munge"):
            (self.folder / name).mkdir(mode=0o700, parents=True)
        host = socket.gethostname().partition(".")[0]
        self.settings.write_text(SETTINGS.format(
            host=host, user=getpass.getuser(), folder=self.folder, ports=_free_ports(2),
            processors=self.processors, **self._more,
        ))  # fmt: skip
        munge = self.folder / "munge"
        (munge / "key").write_bytes(secrets.token_bytes(128))
        (munge / "key").chmod(0o600)
        given = [f"--{name}={munge / name}" for name in ("socket", "pid-file", "log-file")]
        self._start("munged", "--foreground", "--force", f"--key-file={munge / 'key'}",
                    f"--seed-file={munge / 'seed'}", *given)  # fmt: skip
        self.controller(True)
        self._start("slurmd", "-D", "-N", host)
        limit = time.monotonic() + 30
        while "idle" not in self.ask("sinfo", "-h", "-o", "%T"):
            if time.monotonic() > limit:
                logs = [(self.folder / name).read_text()[-500:]
                        for name in ("slurmctld.log", "slurmd.log")
                        if (self.folder / name).exists()]  # fmt: skip
                pytest.skip(f"no SLURM works on this machine: {' '.join(logs)}")
            time.sleep(0.1)

    def controller(self, up: bool) -> None:
        """Start the controller, or end it: what runs on the nodes goes on."""
        if up:
            self._start("slurmctld", "-D")
        else:
            self._end("slurmctld", signal.SIGTERM)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let the controller hang: it takes connections and answers nothing."""
        process = self._running["slurmctld"]
        process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            process.send_signal(signal.SIGCONT)

    def ask(self, *words: str) -> str:
        """Return what a command of the cluster prints."""
        try:
            done = subprocess.run(
                words, env=self._environment, capture_output=True, text=True, timeout=20,
                check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return ""
        return done.stdout

    def stop(self) -> None:
        self.ask("scancel", f"--user={getpass.getuser()}")
        for name in ("slurmd", "slurmctld", "munged"):
            self._end(name, signal.SIGTERM)

    def _start(self, program: str, *arguments: str) -> None:
        with (self.folder / f"{program}.out").open("ab") as out:
            self._running[program] = subprocess.Popen(
                [program, *arguments], env=self._environment, stdout=out, stderr=out,
                start_new_session=True,
            )  # fmt: skip

    def _end(self, program: str, number: int) -> None:
        process = self._running.pop(program, None)
        if process is None:
            return
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def slurm(folder: Path, processors: int = 2, **more: str) -> Iterator[SlurmCluster]:
    """A cluster that works, stopped at the end; skips where SLURM is not installed."""
    absent = [name for name in NEEDED if shutil.which(name, path=ENVIRONMENT["PATH"]) is None]
    if absent:
        pytest.skip(f"not installed: {', '.join(absent)} (Debian: slurm-wlm munge)")
    made = SlurmCluster(folder, processors, **more)
    try:
        made.start()
        yield made
    finally:
        made.stop()


def _free_ports(number: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [server.getsockname()[1] for server in held]
    for server in held:
        server.close()
    return ports
