"""Installations whose home was removed by hand are found, and removed only when asked."""

from __future__ import annotations

import os
import shutil
import time

import pytest

from awe.admin.command import main
from awe.services import cluster, leftovers, stack
from awe.services.cluster import Cluster
from awe.services.installation import Installation
from awe.services.process import Identity

pytestmark = pytest.mark.services


def ours(home):
    return [left for left in leftovers.leftovers() if left.home == str(home)]


@pytest.fixture
def answers(monkeypatch):
    """Whoever is asked to remove something says no: other installations are on this machine."""
    given = ["n"]
    monkeypatch.setattr("builtins.input", lambda _: given[0])
    return given


def test_a_running_installation_is_no_leftover(small):
    small.start()
    assert ours(small.home) == []


def test_services_of_a_home_removed_by_hand_are_ended(home, answers, capsys, monkeypatch):
    monkeypatch.setenv("AWE_HOME", str(home))
    stack.start(Installation(home))
    state = Installation(home).state
    running = [Identity.from_record(state[name]) for name in ("cluster", "server")]
    while home.exists():  # its services may still write into it
        shutil.rmtree(home, ignore_errors=True)
    found = ours(home)
    # a database notices by itself that its files are gone, and may have ended already
    assert {"awe-server"} <= {left.what for left in found}
    assert {left.what for left in found} <= {"database", "awe-server", "keeper"}
    assert main(["doctor", "--all"]) == 1
    assert f"awe-server of {home}, which is gone: process" in capsys.readouterr().out
    for left in found:
        leftovers.remove(left)
    deadline = time.monotonic() + 10
    while any(identity.alive for identity in running) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(identity.alive for identity in running)
    assert ours(home) == []


@pytest.mark.skipif(os.getuid() != 0, reason="only root has data outside AWE_HOME")
def test_data_outside_a_home_removed_by_hand_goes_with_its_server(
    place, monkeypatch, tmp_path_factory
):
    base = tmp_path_factory.mktemp("lib")
    for folder in (base, *base.parents):
        if folder.stat().st_uid == os.getuid() and str(folder) != "/":
            folder.chmod(folder.stat().st_mode | 0o011)
    monkeypatch.setattr(cluster, "SYSTEM_BASE", base)
    monkeypatch.setattr(leftovers, "SYSTEM_BASE", base)
    place.chmod(0o700)
    made = Cluster(place / "home", cluster.ClusterSettings(durable=False, ballast_bytes=0))
    process = made.start()
    data = made.data.parent
    assert data.parent == base
    shutil.rmtree(made.home)
    (left,) = ours(made.home)
    assert (left.what, left.base) == ("database", data)
    leftovers.remove(left)
    assert not process.alive
    assert not data.exists()
    assert ours(made.home) == []
