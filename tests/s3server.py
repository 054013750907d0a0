"""A real S3 server on loopback: moto's, as a process of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from typing import Any

import pytest

__all__ = ["S3Server"]

OPTIONS = {"key": "someone", "secret": "something"}


class S3Server:
    """One server, with a bucket `awe` that is made anew at each start."""

    def __init__(self) -> None:
        pytest.importorskip("s3fs", reason="s3fs is not installed: pip install 'awe-prompt[s3]'")
        pytest.importorskip("moto", reason="the S3 server moto is not installed: test extra")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def options(self) -> dict[str, Any]:
        """What the file system of this server is made with."""
        return {**OPTIONS, "endpoint_url": self.endpoint}

    def start(self, bucket: str = "awe") -> None:
        """Start it, empty but for a bucket."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                break
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        if bucket:
            self.files().mkdir(bucket)

    def files(self) -> Any:
        """A file system of this server, for looks behind the dataserver's back."""
        import s3fs

        return s3fs.S3FileSystem(
            **self.options, skip_instance_cache=True, use_listings_cache=False
        )

    def hold(self, held: bool = True) -> None:
        """Let it answer nothing for a while, or again."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP if held else signal.SIGCONT)

    def stop(self) -> None:
        """End it, with all that it holds."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
