-- Proprietary periods: a project's data open to others by themselves, at a date. A manager says when;
-- the database decides what is due, and raises it with the checks every publication goes through.
GRANT CREATE ON SCHEMA awe TO awe_kernel, awe_release;
SET ROLE awe_kernel;

-- Set the period of a project, or take it away (level empty). Nothing opens sooner than seven days
-- after it was said, so that members can object; what opens no sooner than before may be said at once.
CREATE OR REPLACE FUNCTION awe.project_release(project_name text, level int, days int, begins timestamptz)
RETURNS timestamptz LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  was awe.project;
  notice timestamptz := now() + interval '7 days';
  start timestamptz := begins;
  later bool;
BEGIN
  SELECT * INTO was FROM awe.project p WHERE p.name = project_name FOR UPDATE;
  IF NOT awe.manages(was.id) THEN
    RAISE EXCEPTION 'you do not manage project %', project_name USING ERRCODE = 'AW030';
  END IF;
  IF level > was.max_privileges THEN
    RAISE EXCEPTION 'project % allows privileges up to %, not %', project_name, was.max_privileges, level
      USING ERRCODE = 'AW004';
  END IF;
  IF level IS NOT NULL THEN
    later := coalesce(level <= was.release_level AND days >= was.release_days, false);
    start := coalesce(begins, CASE WHEN later THEN was.release_begins END, notice);
    IF start < notice AND NOT (later AND start >= was.release_begins) THEN
      RAISE EXCEPTION 'the data of project % cannot open before %: members have seven days to object', project_name,
        to_char(notice AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') USING ERRCODE = 'AW032';
    END IF;
  END IF;
  UPDATE awe.project p SET release_level = level, release_begins = CASE WHEN level IS NOT NULL THEN start END,
    release_days = CASE WHEN level IS NOT NULL THEN days END WHERE p.id = was.id;
  PERFORM awe.record('release', 'project', NULL, awe.caller(), was.id,
    jsonb_build_object('level', was.release_level, 'days', was.release_days, 'begins', was.release_begins),
    jsonb_build_object('level', level, 'days', days, 'begins', start));
  RETURN start;
END $$;
RESET ROLE;

SET ROLE awe_release;
-- Where something may be due: every table of objects, while a period of any project has begun.
CREATE OR REPLACE FUNCTION awe.ds_releasing() RETURNS SETOF regclass LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT t.oid::regclass FROM awe.persistent_tables() t(oid)
   WHERE t.oid <> to_regclass('awe.comment')
     AND EXISTS (SELECT 1 FROM awe.project p WHERE p.release_begins <= now())
   ORDER BY 1;
END;

-- Raise some of the objects of a table whose period is over, those made after (since, last), oldest
-- first; no row if there are no more. What was made from something that stays behind stays too, and
-- is looked at again in the next round.
CREATE OR REPLACE FUNCTION awe.ds_release(tab regclass, since timestamp, last uuid, most int)
RETURNS TABLE (raised int, at timestamp, id uuid) LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
  due record;
  changed int;
BEGIN
  IF NOT tab::oid = ANY (ARRAY(SELECT t::oid FROM awe.ds_releasing() t)) THEN
    RETURN;
  END IF;
  raised := 0;
  FOR due IN EXECUTE format($f$
    SELECT o.object_id, o.creation_date, p.release_level FROM %s o JOIN awe.project p ON p.id = o._project
     WHERE p.release_begins <= now() AND o._privileges BETWEEN 2 AND p.release_level - 1
       AND o.creation_date <= (now() AT TIME ZONE 'UTC') - make_interval(days => p.release_days)
       AND (o.creation_date, o.object_id) > ($1, $2)
     ORDER BY o.creation_date, o.object_id LIMIT $3$f$, tab) USING since, last, most LOOP
    at := due.creation_date;
    id := due.object_id;
    BEGIN
      EXECUTE format('UPDATE %s SET _privileges = $1 WHERE object_id = $2', tab)
        USING due.release_level, due.object_id;
      GET DIAGNOSTICS changed = ROW_COUNT;
      raised := raised + changed;
    EXCEPTION WHEN SQLSTATE 'AW004' OR SQLSTATE 'AW007' OR SQLSTATE 'AW008' OR lock_not_available THEN
      NULL;
    END;
  END LOOP;
  IF id IS NOT NULL THEN RETURN NEXT; END IF;
END $$;
RESET ROLE;
REVOKE CREATE ON SCHEMA awe FROM awe_kernel, awe_release;
GRANT EXECUTE ON FUNCTION awe.persistent_tables() TO awe_release;
GRANT EXECUTE ON FUNCTION awe.project_release(text, int, int, timestamptz) TO awe_user, awe_admin;
GRANT EXECUTE ON FUNCTION awe.ds_releasing(), awe.ds_release(regclass, timestamp, uuid, int) TO awe_dataserver;
