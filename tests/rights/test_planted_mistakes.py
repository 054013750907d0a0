"""Mistakes planted in the rights, one at a time: the catalogue check notices each of them."""

from __future__ import annotations

import pytest

T = "awe.bias_frame"
L = "awe.bias_frame__raw_bias_frames"
MISTAKES = {
    "policies switched off": f"ALTER TABLE {T} DISABLE ROW LEVEL SECURITY",
    "the owner exempt": f"ALTER TABLE {T} NO FORCE ROW LEVEL SECURITY",
    "one policy more": f"CREATE POLICY more ON {T} FOR SELECT TO awe_user USING (true)",
    "one policy less": f"DROP POLICY drop_own ON {T}",
    "everything visible": f"ALTER POLICY see ON {T} USING (true)",
    "level 2 for everybody": f"ALTER POLICY see ON {T} USING (_privileges >= 2)",
    "the world sees level 3": f"ALTER POLICY see_world ON {T} USING (_privileges >= 3)",
    "insertion as anybody": f"ALTER POLICY make ON {T} WITH CHECK (_privileges >= 1)",
    "change by anybody": f"ALTER POLICY change ON {T} USING (true)",
    "deletion of published": f"ALTER POLICY drop_own ON {T} USING (_creator = (SELECT awe.uid()))",
    "a policy for the world too": f"ALTER POLICY see ON {T} TO awe_world",
    "helper called once per row": f"ALTER POLICY drop_own ON {T} USING (_creator = awe.uid())",
    "guard dropped": f"DROP TRIGGER guard ON {T}",
    "guard disabled": f"ALTER TABLE {T} DISABLE TRIGGER guard",
    "no record": f"DROP TRIGGER record ON {T}",
    "file not linked": f"DROP TRIGGER link_file ON {T}",
    "references unchecked": f'DROP TRIGGER "A_refs_visible" ON {T}',
    "references checked by another function":
        f'CREATE OR REPLACE TRIGGER "A_refs_visible" AFTER INSERT OR UPDATE OF _privileges ON {T} '
        "FOR EACH ROW EXECUTE FUNCTION awe.refs_of_dome_flat_frame()",
    "references checked by an empty function":
        "CREATE OR REPLACE FUNCTION awe.refs_of_bias_frame() RETURNS trigger LANGUAGE plpgsql "
        "SET search_path = pg_catalog, pg_temp AS 'BEGIN RETURN NULL; END'",
    "references checked under an open path": "ALTER FUNCTION awe.refs_of_bias_frame() RESET ALL",
    "references checked beyond policies":
        "ALTER FUNCTION awe.refs_of_bias_frame() SECURITY DEFINER",
    "references checked at insertion only":
        f'CREATE OR REPLACE TRIGGER "A_refs_visible" AFTER INSERT ON {T} '
        "FOR EACH ROW EXECUTE FUNCTION awe.refs_of_bias_frame()",
    "references checked sometimes":
        f'CREATE OR REPLACE TRIGGER "A_refs_visible" AFTER INSERT OR UPDATE OF _privileges ON {T} '
        "FOR EACH ROW WHEN (NEW._privileges > 1) EXECUTE FUNCTION awe.refs_of_bias_frame()",
    "a helper with an open path": "ALTER FUNCTION awe.uid() RESET ALL",
    "a new reference nobody checks": f"ALTER TABLE {T} ADD COLUMN extra uuid REFERENCES {T}",
    "links: policy dropped": f"DROP POLICY see ON {L}",
    "links: visible check dropped": f'DROP TRIGGER "A_link_visible" ON {L}',
    "links: parents unchecked": f'DROP TRIGGER "A_links_bias_frame__raw_bias_frames" ON {T}',
    "every column writable": f"GRANT UPDATE ON {T} TO awe_user",
    "filename writable": f"GRANT UPDATE (filename) ON {T} TO awe_user",
    "truncate": f"GRANT TRUNCATE ON {T} TO awe_user",
    "the world writes": f"GRANT INSERT ON {T} TO awe_world",
    "history writable": "GRANT INSERT ON awe.audit TO awe_user",
    "history erasable": "GRANT DELETE ON awe.audit TO awe_user",
    "a table of a person": f"ALTER TABLE {T} OWNER TO awstudent",
    "a new table without rights": "CREATE TABLE awe.forgotten (n int)",
    "a plain view": f"CREATE VIEW awe.v AS SELECT * FROM {T}",
    "a materialised view": f"CREATE MATERIALIZED VIEW awe.m AS SELECT * FROM {T}",
    "a definer function with an open path":
        "CREATE FUNCTION awe.f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
    "a definer function of the superuser":
        "CREATE FUNCTION awe.f() RETURNS int LANGUAGE sql SECURITY DEFINER "
        "SET search_path = pg_catalog, pg_temp AS 'SELECT 1'; "
        "REVOKE ALL ON FUNCTION awe.f() FROM PUBLIC",
    "a function for everybody": "GRANT EXECUTE ON FUNCTION awe.ds_stored(uuid, bigint, bytea) "
                                "TO PUBLIC",
    "a person who is superuser": "ALTER ROLE awstudent SUPERUSER",
    "a person beyond policies": "ALTER ROLE awstudent BYPASSRLS",
    "a person who is another": "GRANT awother TO awstudent",
    "a person who is the kernel": "GRANT awe_kernel TO awstudent",
    "a person without limit": "ALTER ROLE awstudent CONNECTION LIMIT -1",
    "an owner who logs in": "ALTER ROLE awe_owner LOGIN",
    "a kernel beyond policies": "ALTER ROLE awe_kernel BYPASSRLS",
    "a service in a group": "GRANT awe_user TO awe_dataserver",
    "a schema to write in": "GRANT CREATE ON SCHEMA public TO PUBLIC",
    "an index that cannot be used": f"CREATE INDEX ON {T} USING spgist (filename)",
}


def findings(cursor):
    cursor.execute("SELECT rule, culprit FROM awe.self_check() WHERE rule <> 'durability'")
    return cursor.fetchall()


@pytest.mark.parametrize("name", MISTAKES)
def test_a_planted_mistake_is_noticed(standing, name):
    connection = standing.superuser()
    connection.autocommit = False
    with connection.cursor() as cursor:
        assert findings(cursor) == []
        cursor.execute(MISTAKES[name])
        assert findings(cursor) != []
    connection.rollback()
    connection.close()
