"""The configuration: a wrong value of any key is one line with file, line and key."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from awe.config import Environment
from awe.errors import ConfigError

#: values that the reference names for each key, and values that are none
VALUES = {
    "database_user": (["awstudent", ""], ["two\nlines"]),
    "database_password": (["s\xe9cret", "a b:c"], ["two\nlines"]),
    "database_name": (["", "db.example.org/awe", "db.example.org:5433/awe", "/run/pg:5432/awe"],
                      ["awe", "host/", "host:5432"]),
    "data_server": (["127.0.0.1", "data.example.org"], ["a\0b"]),
    "data_port": (["", "1", "8470", "65535"], ["0", "65536", "-1", "http", "84 70", "8470.0"]),
    "data_listen": (["", "127.0.0.1", "0.0.0.0"], ["localhost", "1.2.3", "256.0.0.1", "::1"]),
    "data_certificate": (["", "/etc/awe/server.pem"], ["a\0b"]),
    "data_key": (["", "/etc/awe/server.key"], ["a\0b"]),
    "data_mirror": (["", "mirror.example.org:8471", "10.0.0.2:80"], ["mirror", "a b:1", ":80"]),
    "cache_size": (["", "0", "10GB", "500MB"], ["much", "-1GB", "10"]),
    "data_protocol": (["http", "https"], ["ftp", "", "https://"]),
    "project": (["", "KIDS (2)", "OMEGACAM@VST"], ["a\nb"]),
    "privileges": (["1", "2", "3", "4", "5"], ["0", "6", "World", "1.0", ""]),
    "dpu_name": (["local"], ["Local area", "1st", ""]),
    "dpu_memory": (["", "500MB", "8GB"], ["much", "0", "-8GB"]),
    "dpu_most_memory": (["", "64GB"], ["all", "-1GB"]),
    "dpu_slurm_jobs": (["", "1", "1000"], ["many", "0"]),
    "dpu_slurm_options": (["", "--partition=astro --mem=4G"], ["--mem=4G\n"]),
    "dpu_time": (["", "3600"], ["12h", "0"]),
    "dpu_workers": (["", "1", "64"], ["two", "0", "-1", "1.5"]),
    "name_resolver": (["", "sesame"], ["simbad"]),
    "notice_command": (["", "mail -s awe me@example.org"], ["mail\nme"]),
    "query_limit": (["1", "100000"], ["10k", "0", "", "1e5", "\u0663"]),
    "query_disk": (["2GB", "500mb", "1TB"], ["", "2", "-1", "unlimited", "0GB", "2 GB"]),
    "max_width": (["", "0", "120"], ["wide", "-1"]),
    "inspect_viewer": (["", "browser", "Browser"], ["ds9", "firefox"]),
    "debug": (["", "1", "0", "yes", "no", "true", "false", "on", "off", "False"], ["2", "maybe"]),
}  # fmt: skip


@pytest.fixture
def home(tmp_path, monkeypatch):
    for name in Environment.keys_declared():
        for spelling in (name, f"AWE_{name.upper()}"):
            monkeypatch.delenv(spelling, raising=False)
    monkeypatch.setenv("AWE_HOME", str(tmp_path))
    monkeypatch.setenv("AWE_SITE", str(tmp_path / "site.cfg"))
    return tmp_path


def write(home: Path, data: bytes | str) -> Path:
    path = home / "Environment.cfg"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    path.chmod(0o600)
    return path


def test_every_key_is_tried():
    assert set(VALUES) == set(Environment.keys_declared()) == set(Environment.kinds())


GOOD = [(key, value) for key, (good, _) in VALUES.items() for value in good]
BAD = [(key, value) for key, (_, bad) in VALUES.items() for value in bad]


@pytest.mark.parametrize(("key", "value"), GOOD)
def test_every_documented_value_is_taken(home, key, value):
    write(home, f"[global]\n{key} : {value}\n")
    assert Environment.load()[key] == value
    assert Environment.load(**{key: value})[key] == value


@pytest.mark.parametrize(("key", "value"), BAD)
def test_any_other_value_is_refused_in_one_line_that_names_file_line_key_and_value(
    home, key, value
):
    with pytest.raises(ConfigError, match=f"keyword: {key} is ") as caught:
        Environment.load(**{key: value})
    assert "\n" not in str(caught.value)
    if re.search(r"[\n\0]", value):
        return
    path = write(home, f"# mine\n[global]\nproject : KIDS\n\n{key.upper()} : {value}\n"
                 if key != "project" else "[global]\n")  # fmt: skip
    shown = re.escape(repr(value))
    with pytest.raises(ConfigError, match=rf"{path} line 5: {key} is {shown}; expected"):
        Environment.load()


def test_the_environment_is_named_where_the_value_came_from_there(home, monkeypatch):
    monkeypatch.setenv("AWE_QUERY_LIMIT", "10k")
    with pytest.raises(ConfigError, match="environment: query_limit is '10k'; expected a number"):
        Environment.load()
    assert Environment.load(query_limit="10").query_limit == "10"


def test_a_password_is_never_repeated(home):
    with pytest.raises(ConfigError) as caught:
        Environment.load(database_password="hun\nter2")
    assert "ter2" not in str(caught.value)


def test_debugging_off_is_off(home):
    for value in ("", "0", "no", "false", "off", "False"):
        assert not Environment.load(debug=value).debugging
    for value in ("1", "yes", "true", "on", "True"):
        assert Environment.load(debug=value).debugging


def test_a_file_in_latin_1_is_told_with_its_line(home):
    path = write(home, "[global]\nproject : Ma\xeftres\n".encode("latin-1"))
    with pytest.raises(ConfigError, match=rf"{path} line 2: byte 0xef is not UTF-8"):
        Environment.load()


def test_a_directory_in_place_of_the_file_is_told(home):
    (home / "Environment.cfg").mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        Environment.load()


@pytest.mark.parametrize("data", [b"[global]\nproject : \xef\n", b"[global]\ndpu_workers : two\n"])
@pytest.mark.parametrize("command", ["awe.prompt.command", "awe.admin.command"])
def test_commands_end_with_one_line(home, data, command):
    write(home, data)
    argument = ["-c", "1"] if "prompt" in command else ["status"]
    code = f"import sys; from {command} import main; sys.exit(main({argument!r}))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ),
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, done.stderr
    assert "Environment.cfg line 2" in done.stderr
