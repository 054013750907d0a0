"""A cluster that ends what takes more memory than it asked for: told as such, and done again."""

from __future__ import annotations

import getpass

import pytest
from jobs_waiting import until
from slurm_cluster import WITH_MEMORY, slurm

from awe.dpu.runner import slurm as back_end
from awe.dpu.runner.backends import Limits

LONG = 180.0


@pytest.fixture
def nodes(tmp_path, monkeypatch):
    with slurm(tmp_path / "slurm", **WITH_MEMORY) as cluster:
        monkeypatch.setenv("SLURM_CONF", str(cluster.settings))
        monkeypatch.setattr(back_end, "SETTLING", 1.0)
        yield cluster
        cluster.ask("scancel", f"--user={getpass.getuser()}")


def column(db, name, job):
    return db.rows("superuser", f"SELECT {name} FROM awe.job WHERE id = %s", job)[0][0]


def test_a_job_the_cluster_ends_for_its_memory_fails_and_is_done_again_with_more(
    bench, db, session, runner, nodes
):
    dpu = session()
    dpu.select_dpu("slurm")
    runner.start(dpu_slurm_options="--mem=300M")
    (job,) = dpu.run("Probe", do="eat", names=["a"])
    until(lambda: bench.state(job) == "failed", LONG)
    assert column(db, "message", job) == (
        "killed for want of memory, at the limit of 4.0 GB; "
        f"dpu.retry_job({job}) gives it more"
    )
    assert db.rows("superuser", "SELECT count(*) FROM awe.attempt WHERE job = %s", job) == [(1,)]
    dpu.retry_job(job, dpu_memory="700MB")
    until(lambda: bench.state(job) == "running", LONG)
    number = until(lambda: db.rows(
        "superuser", "SELECT pid FROM awe.attempt WHERE job = %s AND attempt = 2 "
        "AND pid IS NOT NULL", job))[0][0]  # fmt: skip
    assert "mem=700M" in nodes.ask("scontrol", "show", "job", str(number))
    dpu.cancel_job(job)
    until(lambda: bench.state(job) == "cancelled", LONG)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (["--mem=300M", "--partition=a"], ["--mem=700M", "--partition=a"]),
        (["--mem=600"], ["--mem=700M"]),
        (["--mem=2G"], ["--mem=2G"]),
        (["--partition=a"], ["--partition=a"]),
    ],
)
def test_the_memory_of_the_options_is_raised_to_what_a_job_asks_for(options, wanted):
    asked = Limits(seconds=60, memory=700 << 20, asked=True)
    assert back_end._with_memory(options, asked) == wanted
    assert back_end._with_memory(options, Limits(seconds=60, memory=8 << 30)) == options
