-- Comments: what people write about an object. A comment has the creator, project and level of what it
-- is about, so it is seen by whoever sees that and by nobody else; who wrote it is a column of its own.
-- It never changes; its author deletes it. With its object it goes, and comes back.
SET ROLE awe_owner;

-- Before a comment is stored: its object, as its author sees it, gives it its rights.
CREATE OR REPLACE FUNCTION awe.comment_about() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  about regclass := (SELECT c.oid FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
                      WHERE c.relnamespace = 'awe'::regnamespace AND c.relkind = 'r' AND c.relname = NEW._relation
                        AND a.attname = '_privileges' AND c.relname NOT IN ('file', 'comment'));
BEGIN
  IF NOT row_security_active(TG_RELID) THEN RETURN NEW; END IF;      -- the administrator
  IF about IS NOT NULL THEN
    EXECUTE format('SELECT o._creator, o._project, o._privileges FROM %s o WHERE o.object_id = $1', about)
      INTO NEW._creator, NEW._project, NEW._privileges USING NEW.about;
  END IF;
  IF about IS NULL OR NEW._privileges IS NULL THEN
    RAISE EXCEPTION 'comment.about refers to an object that does not exist or is not visible to you'
      USING ERRCODE = 'AW007';
  END IF;
  IF NEW.content IS NULL OR NEW.content ~ '^\s*$' THEN
    RAISE EXCEPTION 'a comment has a text' USING ERRCODE = '23514';
  END IF;
  NEW._author := awe.uid();
  NEW.author := (SELECT upper(u.role_name) FROM awe.users u WHERE u.id = NEW._author);
  NEW._gone := NULL;
  NEW._before := NULL;
  RETURN NEW;
END $$;

-- The rights of the table, by awe.protect(): those of all others to see; to write, its own.
CREATE OR REPLACE FUNCTION awe.protect_comments(t regclass) RETURNS void LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  EXECUTE format('REVOKE UPDATE ON %s FROM awe_user', t);
  EXECUTE format('REVOKE UPDATE (_privileges) ON %s FROM awe_user', t);
  EXECUTE format('DROP POLICY make ON %s', t);
  EXECUTE format('DROP POLICY change ON %s', t);
  EXECUTE format('DROP POLICY drop_own ON %s', t);
  EXECUTE format('DROP POLICY release ON %s', t);
  EXECUTE format('DROP POLICY release_see ON %s', t);
  EXECUTE format('REVOKE ALL ON %s FROM awe_release', t);
  EXECUTE format('REVOKE UPDATE (_privileges) ON %s FROM awe_release', t);
  EXECUTE format('DROP TRIGGER guard ON %s', t);
  EXECUTE format('DROP TRIGGER record ON %s', t);
  EXECUTE format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS text_of_a_comment', t);
  EXECUTE format('ALTER TABLE %s ADD CONSTRAINT text_of_a_comment CHECK (
      char_length(content) BETWEEN 1 AND 4000)', t);
  -- The date is the server's, except where one's own deleted comment comes back as it was.
  EXECUTE format($p$CREATE POLICY make ON %s FOR INSERT TO awe_user WITH CHECK (
      _author = (SELECT awe.uid())
      AND (creation_date = (SELECT awe.utcnow())
           OR EXISTS (SELECT 1 FROM awe.trash d
                       WHERE d.object_id = comment.object_id AND d.relation = 'awe.comment'
                         AND d.content @> jsonb_build_object('content', comment.content, 'about', comment.about,
                                                             'creation_date', comment.creation_date))))$p$, t);
  EXECUTE format('CREATE POLICY drop_own ON %s FOR DELETE TO awe_user USING (_author = (SELECT awe.uid()))', t);
  EXECUTE format('CREATE POLICY kernel ON %s TO awe_kernel USING (true) WITH CHECK (true)', t);
  EXECUTE format('GRANT SELECT, DELETE, UPDATE (_privileges, _before, _gone) ON %s TO awe_kernel', t);
  EXECUTE format('CREATE OR REPLACE TRIGGER about BEFORE INSERT ON %s
                  FOR EACH ROW EXECUTE FUNCTION awe.comment_about()', t);
  EXECUTE format('CREATE OR REPLACE TRIGGER record AFTER DELETE ON %s
                  FOR EACH ROW EXECUTE FUNCTION awe.record_comment()', t);
END $$;
RESET ROLE;

GRANT CREATE ON SCHEMA awe TO awe_kernel;
SET ROLE awe_kernel;

-- Its author's deletion of a comment: written down, and into the author's trash.
CREATE OR REPLACE FUNCTION awe.record_comment() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF awe.caller() IS NULL THEN RETURN NULL; END IF;                  -- swept away after its object
  PERFORM awe.record('delete', 'awe.comment', OLD.object_id, OLD._author::int, OLD._project, to_jsonb(OLD), NULL);
  IF awe.caller() = OLD._author THEN
    INSERT INTO awe.trash (user_id, relation, object_id, content)
    VALUES (OLD._author, 'awe.comment', OLD.object_id, to_jsonb(OLD));
  END IF;
  RETURN NULL;
END $$;

-- Comments on objects that came out of the trash are as visible as before.
CREATE OR REPLACE FUNCTION awe.comments_back(ids uuid[]) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  UPDATE awe.comment c SET _privileges = c._before, _before = NULL, _gone = NULL
   WHERE c.about = ANY (ids) AND c._gone IS NOT NULL AND c._creator = awe.caller()
     AND NOT EXISTS (SELECT 1 FROM awe.trash d WHERE d.object_id = c.about);
END $$;

-- Comments on objects that nobody can bring back any more are forgotten.
CREATE OR REPLACE FUNCTION awe.ds_sweep_comments() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  DELETE FROM awe.comment c WHERE c._gone < (now() AT TIME ZONE 'UTC') - interval '7 days';
END $$;
RESET ROLE;
REVOKE CREATE ON SCHEMA awe FROM awe_kernel;
GRANT EXECUTE ON FUNCTION awe.comments_back(uuid[]) TO awe_user;
GRANT EXECUTE ON FUNCTION awe.ds_sweep_comments() TO awe_dataserver;
GRANT EXECUTE ON FUNCTION awe.record_comment() TO awe_owner;
