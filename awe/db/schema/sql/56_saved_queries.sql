-- Queries kept by name: a class and a tree of conditions, as data. The reader rebuilds and checks
-- it against the declarations, and it finds what the reader may see, not what the writer saw.
SET ROLE awe_owner;

CREATE TABLE IF NOT EXISTS awe.saved_query (
  creator int NOT NULL DEFAULT awe.uid() REFERENCES awe.users,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  project int NOT NULL REFERENCES awe.project,
  shared bool NOT NULL DEFAULT false,   -- with the members of the project
  class text NOT NULL CHECK (length(class) <= 100),
  content jsonb NOT NULL CHECK (length(content::text) <= 1000000),
  saved timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (creator, name));
CREATE INDEX IF NOT EXISTS saved_query_project ON awe.saved_query (project) WHERE shared;
ALTER TABLE awe.saved_query ENABLE ROW LEVEL SECURITY;
ALTER TABLE awe.saved_query FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS see ON awe.saved_query;
CREATE POLICY see ON awe.saved_query FOR SELECT TO awe_user USING (
  creator = (SELECT awe.uid()) OR (shared AND project = ANY ((SELECT awe.my_projects())::int[])));
DROP POLICY IF EXISTS make ON awe.saved_query;
CREATE POLICY make ON awe.saved_query FOR INSERT TO awe_user WITH CHECK (
  creator = (SELECT awe.uid()) AND (NOT shared OR project = ANY ((SELECT awe.my_projects())::int[])));
DROP POLICY IF EXISTS change ON awe.saved_query;
CREATE POLICY change ON awe.saved_query FOR UPDATE TO awe_user USING (creator = (SELECT awe.uid())) WITH CHECK (
  creator = (SELECT awe.uid()) AND (NOT shared OR project = ANY ((SELECT awe.my_projects())::int[])));
DROP POLICY IF EXISTS kernel ON awe.saved_query;
CREATE POLICY kernel ON awe.saved_query TO awe_kernel USING (creator = awe.caller());
GRANT SELECT ON awe.saved_query TO awe_user;
GRANT SELECT, DELETE ON awe.saved_query TO awe_kernel;
GRANT INSERT (name, project, shared, class, content) ON awe.saved_query TO awe_user;
GRANT UPDATE (project, shared, class, content, saved) ON awe.saved_query TO awe_user;
RESET ROLE;

GRANT CREATE ON SCHEMA awe TO awe_kernel;
SET ROLE awe_kernel;
CREATE OR REPLACE FUNCTION awe.saved_query_drop(query_name text) RETURNS bool LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  DELETE FROM awe.saved_query q WHERE q.name = query_name AND q.creator = awe.caller();
  RETURN FOUND;
END $$;
RESET ROLE;
REVOKE CREATE ON SCHEMA awe FROM awe_kernel;
GRANT EXECUTE ON FUNCTION awe.saved_query_drop(text) TO awe_user;
