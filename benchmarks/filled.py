"""A PostgreSQL cluster of the benchmarks' own, filled with an observatory of any size.

The tables are those of `awe.db.schema.install.install`, rights included. Rows are made by the
server itself; foreign keys and triggers are off while they come in, so the loader owes that every
link points to a row, and `check` looks. Ids are hashes of numbers: links need no lookup.

    python -m benchmarks.filled --keep DIR --frames 1000000
"""

from __future__ import annotations

import argparse
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from awe.services.cluster import Cluster, ClusterSettings

__all__ = ["USER", "Filled", "fill", "opened"]

#: The ordinary user who measures: member of ten of the two hundred projects.
USER = "awbench"
PASSWORD = "benchmark"
CHIPS = 32
FILTERS = 6
EXPOSURES = 5
PEOPLE = 200
FIRST_ID = 1001

#: Ids, owners and dates from numbers. Levels 1 to 5 are 15, 20, 45, 15 and 5 %.
HELPERS = f"""
CREATE SCHEMA fill;
CREATE FUNCTION fill.id(kind text, number bigint) RETURNS uuid IMMUTABLE PARALLEL SAFE
  LANGUAGE sql RETURN md5(kind || number)::uuid;
CREATE FUNCTION fill.creator(k bigint) RETURNS int IMMUTABLE PARALLEL SAFE
  LANGUAGE sql RETURN ({FIRST_ID} + (k * 7919) % {PEOPLE})::int;
CREATE FUNCTION fill.project(k bigint) RETURNS int IMMUTABLE PARALLEL SAFE
  LANGUAGE sql RETURN ({FIRST_ID} + (k * 104729) % {PEOPLE})::int;
CREATE FUNCTION fill.level(k bigint) RETURNS smallint IMMUTABLE PARALLEL SAFE
  LANGUAGE sql RETURN ('{{3,1,3,2,3,4,3,1,3,2,3,4,3,2,5,3,1,4,3,2}}'::smallint[])[k % 20 + 1];
-- A moment of the survey: fraction a/b of 2083 nights.
CREATE FUNCTION fill.moment(a bigint, b bigint) RETURNS timestamp IMMUTABLE PARALLEL SAFE
  LANGUAGE sql RETURN timestamp '2011-08-01 00:00' + (a::float8 / b * 2083) * interval '1 day';
"""

REFERENCES = """
INSERT INTO awe.users (id, role_name, full_name) OVERRIDING SYSTEM VALUE
  SELECT {first} + i, CASE i WHEN 0 THEN '{user}' ELSE 'awperson' || i END, 'Person ' || i
    FROM generate_series(0, {people} - 1) i;
INSERT INTO awe.project (id, name, instrument, max_privileges)
  SELECT {first} + i, 'PROJECT' || i, 'OMEGACAM', 5 FROM generate_series(0, {people} - 1) i;
INSERT INTO awe.member (user_id, project_id)
  SELECT {first} + u, {first} + (u + 20 * j) % {people}
    FROM generate_series(0, {people} - 1) u, generate_series(0, 9) j;
INSERT INTO awe.instrument (object_id, _creator, _project, _privileges, name, telescope,
    description, utc_offset)
  VALUES (fill.id('instrument', 0), {first}, {first}, 5, 'OMEGACAM', 'VST', '', -4),
         (fill.id('instrument', 1), {first}, {first}, 5, 'WFI', 'MPG', '', -4);
INSERT INTO awe.chip (object_id, _creator, _project, _privileges, name, instrument, naxis1,
    naxis2, gain, read_noise)
  SELECT fill.id('chip', i), {first}, {first}, 5, 'ESO_CCD_#' || 65 + i, fill.id('instrument', 0),
         2144, 4200, 2.5, 2.1 FROM generate_series(0, {chips} - 1) i;
INSERT INTO awe.filter (object_id, _creator, _project, _privileges, name, instrument, mag_id,
    central_wavelength)
  SELECT fill.id('filter', i), {first}, {first}, 5,
         'OCAM_' || substr('ugriZv', i + 1, 1) || '_SDSS', fill.id('instrument', 0), '',
         300 + 100 * i
    FROM generate_series(0, {filters} - 1) i;
"""

#: Reference point, its pixel and the scale of chip r of pointing k, as in awe.astrom. Pointings
#: cover the sphere evenly: multiples of 1/p and 1/p^2, p^3 = p + 1, have no beat.
PLACE = """
         k * 0.75487766624669276 * 360 % 360 + r / 32 % 5 * 0.01,
         asin(2 * (k * 0.56984029099805327 - floor(k * 0.56984029099805327)) - 1) * 57.29577951
         * 0.99 + r / 32 % 5 * 0.01,
         1072 - (r % 8 - 3.5) * 2200, 2050 - (r / 8 % 4 - 1.5) * 4300, -5.9e-5, 0, 0, 5.9e-5"""

#: One statement per table; k counts templates, e exposures, r raw frames, v versions.
OBSERVATIONS = {
    "template": """
INSERT INTO awe.template (object_id, _creator, _project, _privileges, creation_date, id, name,
    start, number_of_exposures, observing_strategy)
  SELECT fill.id('template', k), fill.creator(k), fill.project(k), fill.level(k),
         fill.moment(k, {templates}) + interval '1 hour', 'T' || k, 'OMEGACAM_img_obs_dither',
         fill.moment(k, {templates}), {exposures}, 'Dither'
    FROM generate_series(0, {templates} - 1) k""",
    "observing_block": """
INSERT INTO awe.observing_block (object_id, _creator, _project, _privileges, creation_date, id,
    name, "group", program_id, dictionary_id, pi_coi_id, pi_coi_name, start)
  SELECT fill.id('block', k), fill.creator(k), fill.project(k), fill.level(k),
         fill.moment(k, {templates}) + interval '1 hour', k, 'OB_' || k, '', '177.A-3016', '',
         k % 50, 'PI ' || k % 50, fill.moment(k, {templates})
    FROM generate_series(0, {templates} - 1) k""",
    "raw_fits_data": """
INSERT INTO awe.raw_fits_data (object_id, _creator, _project, _privileges, creation_date, filename,
    globalname, instrument, date_obs, number_of_extensions, checksum)
  SELECT fill.id('fits', e), fill.creator(k), fill.project(k), fill.level(k),
         fill.moment(k, {templates}) + interval '1 hour', 'OMEGA.' || e || '.fits', '',
         fill.id('instrument', 0), fill.moment(k, {templates}) + e % 5 * interval '150 s', 32,
         md5('sum' || e)
    FROM generate_series(0, {files} - 1) e, LATERAL (SELECT e / {exposures} AS k) t""",
    "imstat": """
INSERT INTO awe.imstat (object_id, _creator, _project, _privileges, creation_date, min, max, mean,
    median, stdev, x_lower, x_upper, y_lower, y_upper)
  SELECT fill.id('imstat', r), fill.creator(k), fill.project(k), fill.level(k),
         fill.moment(k, {templates}) + interval '1 hour', 100, 60000 + r % 5535, 400 + r % 331,
         400 + r % 317, 10 + r % 7, 49, 2096, 1, 4100
    FROM generate_series(0, {frames} - 1) r, LATERAL (SELECT r / 160 AS k) t""",
    "astrom": """
INSERT INTO awe.astrom (object_id, _creator, _project, _privileges, creation_date, crval1, crval2,
    crpix1, crpix2, cd1_1, cd1_2, cd2_1, cd2_2)
  SELECT fill.id('astrom', r), fill.creator(k), fill.project(k), fill.level(k),
         fill.moment(k, {templates}) + interval '1 hour',{place}
    FROM generate_series(0, {frames} - 1) r, LATERAL (SELECT r / 160 AS k) t""",
    "raw_science_frame": """
INSERT INTO awe.raw_science_frame (object_id, _creator, _project, _privileges, creation_date,
    filename, globalname, is_valid, quality_flags, process_status, instrument, chip, raw_fits,
    extension, template, observing_block, imstat, date, date_obs, mjd_obs, utc, lst, exptime,
    object, observer, naxis1, naxis2, prscx, prscxpre, prscxpst, prscy, prscypre, prscypst, ovscx,
    ovscxpre, ovscxpst, ovscy, ovscypre, ovscypst, geometry, filter, astrom, airmstrt, airmend,
    _corners, _cell)
  SELECT fill.id('raw', r), fill.creator(k), fill.project(k), fill.level(k),
         begin + interval '1 hour', 'OMEGACAM.' || to_char(begin, 'YYYY-MM-DD"T"HH24:MI:SS.MS')
         || '_' || r % 32 + 1 || '.fits', '', CASE WHEN r % 50 = 0 THEN 0 ELSE 1 END, 0, 1,
         fill.id('instrument', 0), fill.id('chip', r % 32), fill.id('fits', e), r % 32 + 1,
         fill.id('template', k), fill.id('block', k), fill.id('imstat', r), begin, begin,
         56000, 0, 0, 360, 'KIDS_' || k % 1500 || '_' || k % 7, '', 2144, 4200, 48, 0, 0, 0, 0, 0,
         48, 0, 0, 100, 0, 0, '{{"nx": 2144, "ny": 4200, "active": "[49:2096,1:4100]"}}',
         fill.id('filter', k % {filters}), fill.id('astrom', r), 1.1, 1.2, corners,
         awe.footprint_cell(corners)
    FROM generate_series(0, {frames} - 1) r,
         LATERAL (SELECT r / 160 AS k, r / 32 AS e) t,
         LATERAL (SELECT awe.footprint({place}, 48.5, 2096.5, 0.5, 4100.5) AS corners OFFSET 0) p,
         LATERAL (SELECT fill.moment(k, {templates}) + e % 5 * interval '150 s' AS begin) d""",
}

CALIBRATIONS = {
    "read_noise": """
INSERT INTO awe.read_noise (object_id, _creator, _project, _privileges, creation_date, is_valid,
    quality_flags, process_status, timestamp_start, timestamp_end, instrument, chip, read_noise,
    mean_diff, median_diff)
  SELECT fill.id('noise', i), fill.creator(i), fill.project(i), greatest(fill.level(i), 3), night,
         1, 0, 1, night - interval '14 day', night + interval '15 day', fill.id('instrument', 0),
         fill.id('chip', i % 32), 2 + i % 100 * 0.01, 0, 0
    FROM generate_series(0, {noises} - 1) i,
         LATERAL (SELECT fill.moment(i / 32, {noises} / 32) AS night) t""",
    "bias_frame": """
INSERT INTO awe.bias_frame (object_id, _creator, _project, _privileges, creation_date, filename,
    globalname, is_valid, quality_flags, process_status, timestamp_start, timestamp_end,
    instrument, chip, read_noise)
  SELECT fill.id('bias', i), fill.creator(i / 32), fill.project(i / 32), fill.level(i / 32),
         night + i % 97 * interval '1 hour', 'Bia-' || i || '.fits', '',
         CASE WHEN i % 11 = 0 THEN 0 ELSE 1 END, CASE WHEN i % 37 = 0 THEN 1 ELSE 0 END, 1,
         night - interval '3 day', night + interval '4 day', fill.id('instrument', 0),
         fill.id('chip', i % 32), fill.id('noise', i / 320 * 32 + i % 32)
    FROM generate_series(0, {calibrations} - 1) i,
         LATERAL (SELECT fill.moment(i / 32, {calibrations} / 32) AS night) t""",
    "dome_flat_frame": """
INSERT INTO awe.dome_flat_frame (object_id, _creator, _project, _privileges, creation_date,
    filename, globalname, is_valid, quality_flags, process_status, timestamp_start, timestamp_end,
    instrument, chip, filter, naxis1, naxis2, noise, bias)
  SELECT fill.id('dome', i), fill.creator(i / 192), fill.project(i / 192),
         greatest(fill.level(i / 192), 3), night, 'Dom-' || i || '.fits', '', 1, 0, 1,
         night - interval '7 day', night + interval '8 day', fill.id('instrument', 0),
         fill.id('chip', i % 32), fill.id('filter', i / 32 % 6), 2048, 4100, 0.001,
         fill.id('bias', least(i, {calibrations} - 32) / 32 * 32 + i % 32)
    FROM generate_series(0, {domes} - 1) i,
         LATERAL (SELECT fill.moment(i / 192, {domes} / 192) AS night) t""",
    "master_flat_frame": """
INSERT INTO awe.master_flat_frame (object_id, _creator, _project, _privileges, creation_date,
    filename, globalname, is_valid, quality_flags, process_status, timestamp_start, timestamp_end,
    instrument, chip, filter, naxis1, naxis2, noise, dome, combine)
  SELECT fill.id('flat', i), fill.creator(i / 192), fill.project(i / 192), fill.level(i / 192),
         night + i % 97 * interval '1 hour', 'Mfl-' || i || '.fits', '',
         CASE WHEN i % 11 = 0 THEN 0 ELSE 1 END, 0, 1, night - interval '7 day',
         night + interval '8 day', fill.id('instrument', 0), fill.id('chip', i % 32),
         fill.id('filter', i / 32 % 6), 2048, 4100, 0.001,
         fill.id('dome', i / 1920 * 192 + i % 192), 1
    FROM generate_series(0, {calibrations} / 192 * 192 - 1) i,
         LATERAL (SELECT fill.moment(i / 192, {calibrations} / 192) AS night) t""",
    "reduced_science_frame": """
INSERT INTO awe.reduced_science_frame (object_id, _creator, _project, _privileges, creation_date,
    filename, globalname, is_valid, quality_flags, process_status, raw, instrument, chip, filter,
    object, date_obs, naxis1, naxis2, bias, flat, astrom, observing_block, template, exptime,
    airmstrt, airmend, psf_radius, choices, _corners, _cell)
  SELECT fill.id('reduced', i), fill.creator(k), fill.project(k), fill.level(k),
         begin + interval '2 day', 'Sci-' || i || '.fits', '', 1, 0, 1, fill.id('raw', r),
         fill.id('instrument', 0), fill.id('chip', r % 32), fill.id('filter', k % {filters}),
         'KIDS_' || k % 1500 || '_' || k % 7, begin, 2048, 4100,
         fill.id('bias', k * ({calibrations} / 32) / {templates} * 32 + r % 32),
         fill.id('flat', k * ({calibrations} / 192) / {templates} * 192 + k % 6 * 32 + r % 32),
         fill.id('astrom', r), fill.id('block', k), fill.id('template', k), 360, 1.1, 1.2, 0.7,
         '{{}}', corners, awe.footprint_cell(corners)
    FROM generate_series(0, {frames} / 10 - 1) i,
         LATERAL (SELECT i * 10 + i % 10 AS r) a, LATERAL (SELECT r / 160 AS k, r / 32 AS e) t,
         LATERAL (SELECT awe.footprint({place}, 0.5, 2048.5, 0.5, 4100.5) AS corners OFFSET 0) p,
         LATERAL (SELECT fill.moment(k, {templates}) + e % 5 * interval '150 s' AS begin) d""",
}

#: Links of the filled tables: (table, column, target).
LINKS = [
    ("raw_science_frame", "chip", "chip"),
    ("raw_science_frame", "filter", "filter"),
    ("raw_science_frame", "template", "template"),
    ("raw_science_frame", "raw_fits", "raw_fits_data"),
    ("raw_science_frame", "imstat", "imstat"),
    ("raw_science_frame", "astrom", "astrom"),
    ("bias_frame", "read_noise", "read_noise"),
    ("dome_flat_frame", "bias", "bias_frame"),
    ("master_flat_frame", "dome", "dome_flat_frame"),
    ("reduced_science_frame", "raw", "raw_science_frame"),
    ("reduced_science_frame", "bias", "bias_frame"),
    ("reduced_science_frame", "flat", "master_flat_frame"),
]


class Filled:
    """A cluster whose databases hold observatories of several sizes.

    Parameters
    ----------
    home : Path
        Directory of the cluster; databases found there are used again.
    """

    def __init__(self, home: Path) -> None:
        # The defaults of an installation but for the disk: nothing here is worth a sync.
        self.cluster = Cluster(
            home, ClusterSettings(durable=False, ballast_bytes=0, shared_buffers="1GB")
        )
        self.cluster.start()

    def superuser(self, name: str) -> Any:
        """Return a connection that no policy applies to."""
        import psycopg2
        from psycopg2.extras import register_uuid

        connection = psycopg2.connect(**self.cluster.superuser(name))
        connection.autocommit = True
        register_uuid(conn_or_curs=connection)
        return connection

    def person(self, name: str) -> Any:
        """Return a plain psycopg2 connection of the user who measures."""
        import psycopg2
        from psycopg2.extras import register_uuid

        connection = psycopg2.connect(
            host=str(self.cluster.socket), dbname=name, user=USER, password=PASSWORD,
            options="-ctimezone=UTC",
        )  # fmt: skip
        connection.autocommit = True
        register_uuid(conn_or_curs=connection)
        return connection

    def connect(self, name: str) -> None:
        """Make awe itself the user who measures."""
        from awe.config import Environment
        from awe.db.server import scope
        from awe.db.server.connection import database

        environment = Environment.load(
            database_user=USER, database_password=PASSWORD, project="PROJECT0",
            database_name=f"{self.cluster.socket}:5432/{name}", privileges="1",
        )  # fmt: skip
        database.connect(environment)
        mine = scope.Scope(
            user_id=FIRST_ID, user_name=USER.upper(), project_id=FIRST_ID,
            project_name="PROJECT0", privileges=1,
        )  # fmt: skip
        scope.use(mine)

    def database(self, frames: int, calibrations: int = 1_000_000) -> str:
        """Return the name of the database with so many raw frames, filled if it is not there."""
        name = f"filled_{frames}_{calibrations}"
        with closing(self.superuser("postgres")) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
            if cursor.fetchone():
                return name
        making = f"{name}_making"
        self._fill(making, frames, calibrations)
        with closing(self.superuser("postgres")) as connection, connection.cursor() as cursor:
            cursor.execute(f"ALTER DATABASE {making} RENAME TO {name}")
        return name

    def _fill(self, name: str, frames: int, calibrations: int) -> None:
        from awe.db.schema import install as schema

        passwords = {
            "awe_dataserver": secrets.token_hex(16), "awe_runner": secrets.token_hex(16)
        }  # fmt: skip
        with closing(self.superuser("postgres")) as connection, connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {name}")
        schema.install(self.cluster.superuser(), passwords, database=name)
        with closing(self.superuser(name)) as connection, connection.cursor() as cursor:
            cursor.execute("SET maintenance_work_mem = '768MB'")
            for table, seconds in fill(cursor, frames, calibrations):
                print(f"  {name}: {table} in {seconds:.1f} s", flush=True)
            cursor.execute(
                "DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = %(user)s) THEN "
                "EXECUTE format('CREATE ROLE %%I LOGIN PASSWORD %%L IN ROLE awe_user', %(user)s, "
                "%(password)s); END IF; END $$",
                {"user": USER, "password": PASSWORD},
            )


def fill(cursor: Any, frames: int, calibrations: int) -> Iterator[tuple[str, float]]:
    """Fill the tables as a superuser in autocommit; yield each table and how long it took."""
    numbers = {
        "frames": frames, "calibrations": calibrations, "noises": calibrations // 10 + 32,
        "domes": calibrations // 10 + 192, "files": -(-frames // CHIPS), "chips": CHIPS,
        "templates": -(-frames // (CHIPS * EXPOSURES)), "filters": FILTERS, "user": USER,
        "exposures": EXPOSURES, "people": PEOPLE, "first": FIRST_ID,
        "place": PLACE,
    }  # fmt: skip
    cursor.execute("SET session_replication_role = replica")
    cursor.execute(HELPERS)
    cursor.execute(REFERENCES.format(**numbers))
    for table, text in {**OBSERVATIONS, **CALIBRATIONS}.items():
        start = time.perf_counter()
        _load(cursor, table, text.format(**numbers))
        yield table, time.perf_counter() - start
    cursor.execute("VACUUM ANALYZE")
    check(cursor)


def _load(cursor: Any, table: str, text: str) -> None:
    """Fill one table with its secondary indexes taken away and made anew afterwards."""
    cursor.execute(
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index "
        "WHERE indrelid = %s::regclass AND NOT indisunique",
        (f"awe.{table}",),
    )
    indexes = cursor.fetchall()
    for name, _ in indexes:
        cursor.execute(f"DROP INDEX {name}")
    cursor.execute(text)
    for _, definition in indexes:
        cursor.execute(definition)


def check(cursor: Any) -> None:
    """Look for links that point nowhere, in a sample of each table."""
    for table, column, target in LINKS:
        cursor.execute(
            f"SELECT count(*) FROM (SELECT {column} AS id FROM awe.{table} LIMIT 20000) s "
            f"WHERE NOT EXISTS (SELECT 1 FROM awe.{target} t WHERE t.object_id = s.id)"
        )
        dangling = cursor.fetchone()[0]
        if dangling:
            msg = f"{dangling} of 20000 {table}.{column} point nowhere"
            raise AssertionError(msg)


@contextmanager
def opened(keep: Path | None) -> Iterator[Filled]:
    """Run the cluster in `keep`, or in a directory that is removed at the end."""
    home = keep or Path(tempfile.mkdtemp(prefix="awe-benchmark-"))
    filled = Filled(home)
    try:
        yield filled
    finally:
        if keep is None:
            filled.cluster.destroy()
            shutil.rmtree(home, ignore_errors=True)
        else:
            filled.cluster.stop()


def main() -> None:
    """Fill databases and leave them in the directory."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--keep", type=Path, required=True)
    parser.add_argument("--frames", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--calibrations", type=int, default=1_000_000)
    options = parser.parse_args()
    with opened(options.keep) as filled:
        for frames in options.frames:
            start = time.perf_counter()
            name = filled.database(frames, options.calibrations)
            print(f"{name}: {time.perf_counter() - start:.1f} s")


if __name__ == "__main__":
    main()
