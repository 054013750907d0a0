"""A dataserver and a second one that answer over https, on several addresses of this machine."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
from pathlib import Path

import pytest

from awe.admin.command import main
from tests.services.test_elsewhere import (
    FETCHED,
    STORED,
    answers,
    free_port,
    install,
    process,
    prompt,
    rows,
    server,
)

__all__ = ["server"]

pytestmark = [
    pytest.mark.services, pytest.mark.timeout(400),
    pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed"),
]  # fmt: skip

NAMES = "IP:127.0.0.2,IP:127.0.0.3"


def openssl(*words: object) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """A certificate of an authority, and one of it for two addresses, with its key."""
    folder = tmp_path / "authority"
    folder.mkdir()
    new = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
           "-days", "2")  # fmt: skip
    openssl(*new, "-subj", "/CN=the institute", "-keyout", folder / "ca.key",
            "-out", folder / "ca.pem", "-addext", "keyUsage=critical,keyCertSign")  # fmt: skip
    for name, addresses in (("server", NAMES), ("wrong", "IP:127.0.0.9")):
        openssl(*new, "-subj", f"/CN={name}", "-keyout", folder / f"{name}.key",
                "-out", folder / f"{name}.pem", "-CA", folder / "ca.pem", "-CAkey",
                folder / "ca.key", "-addext", f"subjectAltName={addresses}",
                "-addext", "basicConstraints=critical,CA:FALSE")  # fmt: skip
        (folder / f"{name}.key").chmod(0o600)
    return folder


def configured(home: Path, port: int, authority: Path, name: str = "server") -> None:
    path = home / "Environment.cfg"
    text = path.read_text().replace("127.0.0.1", "127.0.0.2").replace("8470", str(port))
    path.write_text(f"{text}data_listen : 127.0.0.2\ndata_protocol : https\ncache_size : 0\n"
                    f"data_certificate : {authority}/{name}.pem\n"
                    f"data_key : {authority}/{name}.key\n")  # fmt: skip


def test_files_travel_encrypted_between_servers_that_are_trusted(
    server, cluster, tmp_path, authority, monkeypatch
):
    home, _, _ = server
    assert install(server) == 0
    first, near = free_port(), free_port()
    configured(home, first, authority)
    place = tmp_path / "second"
    assert main(["database", "mirror-home", str(place), "--at", f"127.0.0.3:{near}"]) == 0
    with (place / "Environment.cfg").open("a") as file:
        file.write(f"data_certificate : {authority}/server.pem\n"
                   f"data_key : {authority}/server.key\n")  # fmt: skip
    monkeypatch.setenv("SSL_CERT_FILE", str(authority / "ca.pem"))
    serving, second = process(["serve"], home), process(["mirror"], place)
    try:
        answers(first, "127.0.0.2")
        answers(near, "127.0.0.3")
        done = prompt(home, STORED)
        assert done.returncode == 0, done.stderr
        assert prompt(home, FETCHED).stdout.endswith("True\n")
        with (home / "Environment.cfg").open("a") as file:
            file.write(f"data_mirror : 127.0.0.3:{near}\n")
        done = prompt(home, FETCHED)
        assert done.stdout.endswith("True\n"), done.stderr
        assert len(list((place / "mirror").glob("?" * 64))) == 1
        # every byte of it is encrypted
        context = ssl.create_default_context(cafile=str(authority / "ca.pem"))
        with (
            socket.create_connection(("127.0.0.2", first)) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.2") as line,
        ):
            assert line.version() in ("TLSv1.2", "TLSv1.3")
        (address,) = rows(cluster, "SELECT address FROM awe.server")[0]
        assert address == f"127.0.0.2:{first}"
        known = json.loads((home / "services" / "endpoints.json").read_text())
        assert known["data_protocol"] == "https"
        # who does not know the authority, and who asks in plain words, hands over nothing
        monkeypatch.delenv("SSL_CERT_FILE")
        done = prompt(home, FETCHED)
        assert "is not trusted here" in done.stderr
        assert "your ticket was not shown to it" in done.stderr
        done = prompt(home, f"import os; os.environ['data_protocol'] = 'http'\n{FETCHED}")
        assert done.returncode != 0
    finally:
        for one in (serving, second):
            one.send_signal(signal.SIGTERM)
            one.wait(30)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda a: (a / "server.key").chmod(0o644), "has mode 0644; expected 0600"),
        (lambda a: (a / "server.key").unlink(), "No such file"),
        (lambda a: shutil.copy(a / "wrong.key", a / "server.key"), "KEY_VALUES_MISMATCH"),
        (lambda a: openssl("ec", "-in", a / "wrong.key", "-aes128", "-passout", "pass:secret",
                           "-out", a / "server.key"), "data_key"),
        (lambda a: (a / "server.pem").write_text("nothing"), "data_certificate"),
    ],
)  # fmt: skip
def test_a_certificate_that_cannot_be_used_is_a_line(server, authority, change, said, tmp_path):
    home, _, _ = server
    assert install(server) == 0
    configured(home, free_port(), authority)
    change(authority)
    if (authority / "server.key").exists() and "0644" not in said:
        (authority / "server.key").chmod(0o600)
    done = process(["serve"], home, piped=True)
    told = done.communicate(timeout=60)[1].decode()
    assert done.returncode == 1
    assert said in told
    assert told.count("\n") == 1


def test_a_certificate_of_another_name_is_not_trusted(server, authority, monkeypatch):
    home, _, _ = server
    assert install(server) == 0
    port = free_port()
    configured(home, port, authority, "wrong")
    monkeypatch.setenv("SSL_CERT_FILE", str(authority / "ca.pem"))
    serving = process(["serve"], home)
    try:
        answers(port, "127.0.0.2")
        done = prompt(home, STORED)
        assert "is not trusted here" in done.stderr
        assert "127.0.0.2" in done.stderr
    finally:
        serving.send_signal(signal.SIGTERM)
        serving.wait(30)


def test_half_a_certificate_is_refused(server, authority):
    home, _, _ = server
    assert install(server) == 0
    configured(home, free_port(), authority)
    path = home / "Environment.cfg"
    text = path.read_text()
    for without, said in (("data_key", "belong together"), ("data_protocol", "expected https")):
        lines = [line for line in text.splitlines() if not line.startswith(without)]
        more = ["data_protocol : http"] if without == "data_protocol" else []
        path.write_text("\n".join([*lines, *more]) + "\n")
        done = process(["serve"], home, piped=True)
        assert said in done.communicate(timeout=60)[1].decode()
    assert os.environ["AWE_HOME"] == str(home)
