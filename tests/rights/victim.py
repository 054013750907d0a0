"""Somebody to attack: private objects of every class, files, jobs and tickets, all tell-tale."""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import dataclass, field
from typing import Any

#: Part of every private value; nobody else may ever be shown it.
CANARY = "canary"
ROLE = "other"
VERIFIER = "SCRAM-SHA-256$4096:c2FsdA==$a2V5:a2V5"


@dataclass
class Victim:
    """What belongs to the victim, by table."""

    objects: dict[str, str] = field(default_factory=dict)
    deleted: str = ""
    published: str = ""
    file: str = ""
    stored: str = ""
    reserved: str = ""
    ticket: str = ""
    secret: str = ""
    run: int = 0
    job: int = 0

    def hidden(self) -> set[str]:
        """Everything whose mere appearance in an answer is a leak."""
        return {*self.objects.values(), self.deleted, self.file, self.stored, self.reserved,
                self.ticket, CANARY}


def make(db: Any, maker: Any) -> Victim:
    """Fill the database with what the victim keeps private, and one published object."""
    made = Victim()
    maker.ask("INSERT INTO awe.project (name, max_privileges) VALUES ('FOREIGN', 4)")
    made.file, made.stored = (maker.stored_file(ROLE, f"{CANARY}-{n}.fits") for n in "ab")
    made.reserved = str(uuid.uuid4())
    db.rows(ROLE, "INSERT INTO awe.file (id, filename) VALUES (%s, %s)", made.reserved,
            f"{CANARY}-c.fits")
    for table in maker.tables():
        words = text_columns(maker, table)
        columns: dict[str, Any] = {name: f"{CANARY}-{table}-{name}" for name in words}
        if table == "bias_frame":
            columns |= {"file": made.file, "filename": f"{CANARY}-a.fits"}
        made.objects[table] = str(maker.row(table, ROLE, 37, 1, **columns).id)
    maker.ask("UPDATE awe.file SET state = 'linked', _project = 37, _privileges = 1 WHERE id = %s",
              made.file)
    maker.ask("INSERT INTO awe.bias_frame__raw_bias_frames VALUES (%s, 0, %s)",
              made.objects["bias_frame"], made.objects["raw_bias_frame"])
    made.published = str(maker.row("bias_frame", ROLE, 36, 4, filename="open.fits").id)
    gone = maker.row("bias_frame", ROLE, 37, 1, filename=f"{CANARY}-deleted.fits")
    made.deleted = str(gone.id)
    db.rows(ROLE, "UPDATE awe.bias_frame SET is_valid = 0 WHERE object_id = %s", made.deleted)
    db.rows(ROLE, "DELETE FROM awe.bias_frame WHERE object_id = %s", made.deleted)
    made.secret = "victims-ticket"
    made.ticket = hashlib.sha256(made.secret.encode()).hexdigest()
    db.rows(ROLE, "INSERT INTO awe.ticket (hash) VALUES (%s)", bytes.fromhex(made.ticket))
    _jobs(db, maker, made)
    maker.ask("ANALYZE")
    return made


def _jobs(db: Any, maker: Any, made: Victim) -> None:
    jobs = [{"recipe": "Bias", "args": {"chip": f"{CANARY}-args"}, "back_end": "local"}]
    rows = db.rows(
        ROLE, "SELECT awe.job_submit(gen_random_uuid(), 'Bias', %s, 37, 1, %s)",
        json.dumps({"chip": f"{CANARY}-args"}), json.dumps(jobs),
    )
    made.job = rows[0][0]
    made.run = maker.ask("SELECT run FROM awe.job WHERE id = %s", made.job)[0][0]
    maker.ask("UPDATE awe.job SET state = 'failed', attempt = 1, message = %s WHERE id = %s",
              f"{CANARY}-message", made.job)
    maker.ask("INSERT INTO awe.attempt (job, attempt, state, host, lease_until, message) "
              "VALUES (%s, 1, 'ended', %s, now(), %s)", made.job, f"{CANARY}-host",
              f"{CANARY}-end")
    maker.ask("INSERT INTO awe.job_log (job, attempt, line_no, line) VALUES (%s, 1, 1, %s)",
              made.job, f"{CANARY}-line")
    maker.ask("INSERT INTO awe.job_item (job, item, attempt, ok) VALUES (%s, %s, 1, true)",
              made.job, f"{CANARY}-item")


def text_columns(maker: Any, table: str) -> list[str]:
    rows = maker.ask(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 "
        "AND NOT attisdropped AND atttypid = 'text'::regtype AND attgenerated = ''",
        f'awe."{table}"')
    return [row[0] for row in rows]


FINGERPRINT = """
SELECT 'role', rolname || row(rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin,
       rolreplication, rolbypassrls, rolconnlimit, rolvaliduntil, rolpassword)::text FROM pg_authid
UNION ALL SELECT 'membership', row(roleid::regrole, member::regrole, admin_option, inherit_option,
       set_option)::text FROM pg_auth_members
UNION ALL SELECT 'setting', s::text FROM pg_db_role_setting s
UNION ALL SELECT 'policy', row(polname, polrelid::regclass, polcmd, polpermissive, polroles,
       pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))::text FROM pg_policy
UNION ALL SELECT 'trigger', row(tgname, tgrelid::regclass, tgenabled, tgfoid::regproc)::text
       FROM pg_trigger
UNION ALL SELECT 'function', row(oid::regprocedure, proowner, prosecdef, proconfig, proacl,
       md5(coalesce(prosrc, '')))::text FROM pg_proc
       WHERE pronamespace::regnamespace::text !~ 'temp'
UNION ALL SELECT 'relation', row(oid::regclass, relowner, relkind, relrowsecurity,
       relforcerowsecurity, relacl)::text FROM pg_class WHERE relnamespace::regnamespace::text !~
       'temp' AND relkind IN ('r', 'v', 'm', 'S', 'p', 'f')
UNION ALL SELECT 'column', row(attrelid::regclass, attname, attacl)::text FROM pg_attribute
       WHERE attacl IS NOT NULL
UNION ALL SELECT 'schema', row(nspname, nspowner, nspacl)::text FROM pg_namespace
       WHERE nspname !~ 'temp'
UNION ALL SELECT 'database', row(datname, datdba, datacl)::text FROM pg_database
       WHERE datname IN (current_database(), 'postgres', 'template1')
UNION ALL SELECT 'defaults', row(defaclrole::regrole, defaclnamespace, defaclobjtype,
       defaclacl)::text FROM pg_default_acl
UNION ALL SELECT 'other', x FROM (SELECT 'extension ' || extname FROM pg_extension
       UNION ALL SELECT 'event trigger ' || evtname FROM pg_event_trigger
       UNION ALL SELECT 'large object ' || oid FROM pg_largeobject_metadata
       UNION ALL SELECT 'publication ' || pubname FROM pg_publication
       UNION ALL SELECT 'wrapper ' || fdwname FROM pg_foreign_data_wrapper
       UNION ALL SELECT 'cast ' || count(*) FROM pg_cast
       UNION ALL SELECT 'comment ' || count(*) FROM pg_description) x(x)
"""


def fingerprint(maker: Any) -> set[tuple[str, str]]:
    """Return all roles, rights and rules, and every row of every table of the house."""
    found = {(kind, text) for kind, text in maker.ask(FINGERPRINT)}
    tables = maker.ask("SELECT oid::regclass::text FROM pg_class "
                       "WHERE relnamespace = 'awe'::regnamespace AND relkind IN ('r', 'p')")
    for (table,) in tables:
        found |= {(table, row[0]) for row in maker.ask(f"SELECT t::text FROM {table} t")}
    return found
