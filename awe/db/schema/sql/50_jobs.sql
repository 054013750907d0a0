-- Jobs: what was typed (run) -> one unit of work (job) -> one try (attempt) -> one finished input
-- (job_item), with the lines a job printed (job_log). The queue, the leases and the rights are here;
-- processes are started and killed by awe.dpu.runner.runner, which may do only what the functions below allow.
SET ROLE awe_owner;

DO $$ BEGIN
IF to_regtype('awe.job_state') IS NULL THEN
CREATE TYPE awe.job_state AS ENUM (
  'queued',      -- waits for a free worker, or for the jobs it comes after
  'running',     -- an attempt holds the lease
  'done',        -- all inputs finished
  'failed',      -- the recipe ended with an error, or some inputs failed; the others are kept
  'cancelled',   -- the owner cancelled it and nothing of it lives any more
  'lost');       -- its worker died in every attempt allowed
END IF;
END $$;
COMMENT ON TYPE awe.job_state IS
  'queued: waits; running: an attempt holds the lease; done: all inputs finished; failed: an error, '
  'or some inputs failed; cancelled: by its owner, nothing lives; lost: its worker died every time';

DO $$ BEGIN
IF to_regtype('awe.attempt_state') IS NULL THEN
CREATE TYPE awe.attempt_state AS ENUM (
  'running',     -- its process group may live and its lease is renewed
  'ended',       -- the worker reported the end of the recipe, good or bad
  'cancelled',   -- killed because the owner cancelled the job
  'died');       -- killed, crashed, out of time or memory, or its lease ran out
END IF;
END $$;
COMMENT ON TYPE awe.attempt_state IS
  'running: its process group may live; ended: reported its end; cancelled: killed for its owner; '
  'died: killed, crashed, over a limit, or its lease ran out';

CREATE OR REPLACE FUNCTION awe.is_plain_json(value jsonb) RETURNS bool LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN jsonb_typeof(value) = 'object' AND octet_length(value::text) < 1000000
         AND NOT jsonb_path_exists(value, 'strict $.**{6 to last}');
COMMENT ON FUNCTION awe.is_plain_json(jsonb) IS 'an object under 1 MB, nested at most 5 deep';

CREATE TABLE IF NOT EXISTS awe.run (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id int NOT NULL DEFAULT awe.uid() REFERENCES awe.users,
  request uuid NOT NULL,                  -- chosen by the client: the same request is the same run
  recipe text NOT NULL CHECK (recipe ~ '^[A-Za-z][A-Za-z0-9_]{0,63}(>[A-Za-z][A-Za-z0-9_]{0,63}){0,9}$'),
  args jsonb NOT NULL CHECK (awe.is_plain_json(args)),
  project int NOT NULL REFERENCES awe.project,
  privileges smallint NOT NULL CHECK (privileges BETWEEN 1 AND 5),
  submitted timestamptz NOT NULL DEFAULT now(),
  UNIQUE (user_id, request));

CREATE TABLE IF NOT EXISTS awe.job (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  run bigint NOT NULL REFERENCES awe.run ON DELETE CASCADE,
  ordinal int NOT NULL CHECK (ordinal BETWEEN 0 AND 9999),
  after int[] NOT NULL DEFAULT '{}',      -- ordinals of this run that must be done first
  user_id int NOT NULL DEFAULT awe.uid() REFERENCES awe.users,
  recipe text NOT NULL CHECK (recipe ~ '^[A-Za-z][A-Za-z0-9_]{0,63}$'),
  args jsonb NOT NULL CHECK (awe.is_plain_json(args)),
  project int NOT NULL REFERENCES awe.project,
  privileges smallint NOT NULL CHECK (privileges BETWEEN 1 AND 5),
  back_end text NOT NULL DEFAULT 'local' CHECK (back_end ~ '^[a-z][a-z0-9_]{0,31}$'),
  seconds int CHECK (seconds BETWEEN 1 AND 30 * 86400),     -- dpu_time
  state awe.job_state NOT NULL DEFAULT 'queued',
  cancel bool NOT NULL DEFAULT false,
  attempt int NOT NULL DEFAULT 0,         -- the fencing number: only this attempt may write
  max_attempts smallint NOT NULL DEFAULT 3,
  total int,                              -- inputs in all, once the worker knows
  submitted timestamptz NOT NULL DEFAULT now(),
  started timestamptz,
  ended timestamptz,
  message text,
  UNIQUE (run, ordinal));
-- -10 to 10: which of the waiting jobs goes first; never above what its owner may have
ALTER TABLE awe.job ADD COLUMN IF NOT EXISTS priority smallint NOT NULL DEFAULT 0
  CHECK (priority BETWEEN -10 AND 10);
-- dpu_memory [byte]; without one that of the installation
ALTER TABLE awe.job ADD COLUMN IF NOT EXISTS memory bigint
  CHECK (memory BETWEEN 64::bigint << 20 AND 16::bigint << 40);
CREATE INDEX IF NOT EXISTS job_turn ON awe.job (user_id, priority, id) WHERE state = 'queued';
CREATE INDEX IF NOT EXISTS job_active ON awe.job (user_id) WHERE state = 'running';
CREATE INDEX IF NOT EXISTS job_recent ON awe.job (user_id, started);

-- A job comes after earlier ones of its run: nothing waits for itself.
DO $$ BEGIN
IF NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conrelid = 'awe.job'::regclass AND c.conname = 'after_earlier') THEN
  ALTER TABLE awe.job ADD CONSTRAINT after_earlier
    CHECK (cardinality(after) <= ordinal AND ordinal > ALL (after) AND 0 <= ALL (after));
END IF;
END $$;

CREATE TABLE IF NOT EXISTS awe.attempt (
  job bigint NOT NULL REFERENCES awe.job ON DELETE CASCADE,
  attempt int NOT NULL,
  state awe.attempt_state NOT NULL DEFAULT 'running',
  host text NOT NULL,
  pid int,                                -- also its process group; or the number a batch engine gave
  started timestamptz NOT NULL DEFAULT clock_timestamp(),
  lease_until timestamptz NOT NULL,
  ended timestamptz,
  exit_status int,                        -- as from waitpid: negative is the signal
  message text,
  PRIMARY KEY (job, attempt));
-- the most bytes it held, and whether it ended because it had no more
ALTER TABLE awe.attempt ADD COLUMN IF NOT EXISTS memory bigint;
ALTER TABLE awe.attempt ADD COLUMN IF NOT EXISTS short bool NOT NULL DEFAULT false;
CREATE INDEX IF NOT EXISTS attempt_running ON awe.attempt (lease_until) WHERE state = 'running';

CREATE TABLE IF NOT EXISTS awe.job_log (
  job bigint NOT NULL REFERENCES awe.job ON DELETE CASCADE,
  attempt int NOT NULL,
  line_no int NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  line text NOT NULL,
  PRIMARY KEY (job, attempt, line_no));

-- One row per finished input, committed in the same transaction as its product: a retry cannot make
-- it twice, because two attempts at one input collide on the primary key.
CREATE TABLE IF NOT EXISTS awe.job_item (
  job bigint NOT NULL REFERENCES awe.job ON DELETE CASCADE,
  item text NOT NULL CHECK (length(item) BETWEEN 1 AND 300),
  attempt int NOT NULL,
  ok bool NOT NULL,
  class text CHECK (class ~ '^[A-Za-z_][A-Za-z0-9_]{0,62}$'),
  product uuid,
  message text,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (job, item));

-- Rights: the owner; managers see what their projects hold at level 2 and above; nobody else.
ALTER TABLE awe.run ENABLE ROW LEVEL SECURITY;
ALTER TABLE awe.run FORCE ROW LEVEL SECURITY;
ALTER TABLE awe.job ENABLE ROW LEVEL SECURITY;
ALTER TABLE awe.job FORCE ROW LEVEL SECURITY;
ALTER TABLE awe.attempt ENABLE ROW LEVEL SECURITY;
ALTER TABLE awe.attempt FORCE ROW LEVEL SECURITY;
ALTER TABLE awe.job_log ENABLE ROW LEVEL SECURITY;
ALTER TABLE awe.job_log FORCE ROW LEVEL SECURITY;
ALTER TABLE awe.job_item ENABLE ROW LEVEL SECURITY;
ALTER TABLE awe.job_item FORCE ROW LEVEL SECURITY;

GRANT SELECT, INSERT (request, recipe, args, project, privileges) ON awe.run TO awe_user;
GRANT SELECT, INSERT (run, ordinal, after, recipe, args, project, privileges, back_end, seconds, priority, memory)
  ON awe.job TO awe_user;
GRANT SELECT ON awe.attempt, awe.job_log TO awe_user;
GRANT SELECT, INSERT (job, item, attempt, ok, class, product, message) ON awe.job_item TO awe_user;
GRANT UPDATE (attempt, ok, class, product, message) ON awe.job_item TO awe_user;

DROP POLICY IF EXISTS see ON awe.run;
CREATE POLICY see ON awe.run FOR SELECT TO awe_user USING (
  user_id = (SELECT awe.uid())
  OR (privileges >= 2 AND project = ANY ((SELECT awe.my_managed())::int[])));
DROP POLICY IF EXISTS make ON awe.run;
CREATE POLICY make ON awe.run FOR INSERT TO awe_user WITH CHECK (
  user_id = (SELECT awe.uid())
  AND project = ANY ((SELECT awe.my_projects())::int[])
  AND privileges <= (SELECT p.max_privileges FROM awe.project p WHERE p.id = project));
DROP POLICY IF EXISTS see ON awe.job;
CREATE POLICY see ON awe.job FOR SELECT TO awe_user USING (
  user_id = (SELECT awe.uid())
  OR (privileges >= 2 AND project = ANY ((SELECT awe.my_managed())::int[])));
DROP POLICY IF EXISTS make ON awe.job;
CREATE POLICY make ON awe.job FOR INSERT TO awe_user WITH CHECK (
  user_id = (SELECT awe.uid())
  AND priority <= (SELECT u.max_priority FROM awe.users u WHERE u.id = (SELECT awe.uid()))
  AND EXISTS (SELECT 1 FROM awe.run r WHERE r.id = run AND r.user_id = (SELECT awe.uid())
              AND r.project = job.project AND r.privileges = job.privileges));
DROP POLICY IF EXISTS see ON awe.attempt;
CREATE POLICY see ON awe.attempt FOR SELECT TO awe_user
  USING (EXISTS (SELECT 1 FROM awe.job j WHERE j.id = job));
DROP POLICY IF EXISTS see ON awe.job_log;
CREATE POLICY see ON awe.job_log FOR SELECT TO awe_user
  USING (EXISTS (SELECT 1 FROM awe.job j WHERE j.id = job));
DROP POLICY IF EXISTS see ON awe.job_item;
CREATE POLICY see ON awe.job_item FOR SELECT TO awe_user
  USING (EXISTS (SELECT 1 FROM awe.job j WHERE j.id = job));
-- A stale, cancelled or finished attempt commits nothing.
DROP POLICY IF EXISTS make ON awe.job_item;
CREATE POLICY make ON awe.job_item FOR INSERT TO awe_user WITH CHECK (EXISTS (
  SELECT 1 FROM awe.job j WHERE j.id = job_item.job AND j.attempt = job_item.attempt
  AND j.user_id = (SELECT awe.uid()) AND j.state = 'running' AND NOT j.cancel));
-- An input that failed may be tried again; one that is finished stays.
DROP POLICY IF EXISTS retry ON awe.job_item;
CREATE POLICY retry ON awe.job_item FOR UPDATE TO awe_user USING (NOT ok)
  WITH CHECK (EXISTS (
  SELECT 1 FROM awe.job j WHERE j.id = job_item.job AND j.attempt = job_item.attempt
  AND j.user_id = (SELECT awe.uid()) AND j.state = 'running' AND NOT j.cancel));

GRANT SELECT ON awe.run TO awe_kernel;
GRANT SELECT, UPDATE ON awe.job TO awe_kernel;
GRANT SELECT, INSERT, UPDATE ON awe.attempt TO awe_kernel;
GRANT SELECT, INSERT ON awe.job_log TO awe_kernel;
GRANT SELECT ON awe.job_item TO awe_kernel;
GRANT SELECT ON awe.users, awe.project TO awe_kernel;
DROP POLICY IF EXISTS kernel ON awe.run;
CREATE POLICY kernel ON awe.run FOR SELECT TO awe_kernel USING (true);
DROP POLICY IF EXISTS kernel ON awe.job;
CREATE POLICY kernel ON awe.job TO awe_kernel USING (true) WITH CHECK (true);
DROP POLICY IF EXISTS kernel ON awe.attempt;
CREATE POLICY kernel ON awe.attempt TO awe_kernel USING (true) WITH CHECK (true);
DROP POLICY IF EXISTS kernel ON awe.job_log;
CREATE POLICY kernel ON awe.job_log TO awe_kernel USING (true) WITH CHECK (true);
DROP POLICY IF EXISTS kernel ON awe.job_item;
CREATE POLICY kernel ON awe.job_item FOR SELECT TO awe_kernel USING (true);
GRANT SELECT ON awe.job, awe.users TO awe_rolemaker;
DROP POLICY IF EXISTS maker ON awe.job;
CREATE POLICY maker ON awe.job FOR SELECT TO awe_rolemaker USING (true);

-- Submitting: one transaction, idempotent by the request; the caller's own rights decide.
CREATE OR REPLACE FUNCTION awe.job_submit(request uuid, recipe text, args jsonb, project int, privileges int,
                               jobs jsonb)
RETURNS SETOF bigint LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  number bigint;
BEGIN
  IF jsonb_typeof(jobs) <> 'array' OR jsonb_array_length(jobs) NOT BETWEEN 1 AND 10000 THEN
    RAISE EXCEPTION 'a run has between 1 and 10000 jobs' USING ERRCODE = 'AW023';
  END IF;
  INSERT INTO awe.run (request, recipe, args, project, privileges)
    VALUES (job_submit.request, job_submit.recipe, job_submit.args, job_submit.project,
            job_submit.privileges)
    ON CONFLICT ON CONSTRAINT run_user_id_request_key DO NOTHING RETURNING run.id INTO number;
  IF number IS NULL THEN
    SELECT r.id INTO number FROM awe.run r
     WHERE r.user_id = awe.uid() AND r.request = job_submit.request;
  ELSE
    INSERT INTO awe.job (run, ordinal, after, recipe, args, project, privileges, back_end, seconds,
                         priority, memory)
      SELECT number, (x.o - 1)::int,
             ARRAY(SELECT jsonb_array_elements_text(x.j -> 'after'))::int[],
             x.j ->> 'recipe', x.j -> 'args', job_submit.project, job_submit.privileges,
             x.j ->> 'back_end', (x.j ->> 'seconds')::int,
             coalesce((x.j ->> 'priority')::smallint, 0), (x.j ->> 'memory')::bigint
        FROM jsonb_array_elements(jobs) WITH ORDINALITY x(j, o) ORDER BY x.o;
  END IF;
  RETURN QUERY SELECT j.id FROM awe.job j WHERE j.run = number ORDER BY j.ordinal;
END $$;

-- Wake the runner; the payload says nothing.
CREATE OR REPLACE FUNCTION awe.job_wake() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM pg_notify('awe_jobs', '');
  RETURN NULL;
END $$;
-- Whoever queues without end makes everybody's next job hard to find.
CREATE OR REPLACE FUNCTION awe.job_enough() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF (SELECT count(*) FROM awe.job k WHERE k.state = 'queued' AND k.user_id = (SELECT awe.uid())) > 20000 THEN
    RAISE EXCEPTION 'more than 20000 of your jobs would be queued; wait until some are done'
      USING ERRCODE = 'AW023';
  END IF;
  RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER enough AFTER INSERT ON awe.job
  FOR EACH STATEMENT EXECUTE FUNCTION awe.job_enough();
-- A queued job has no process to kill: it is cancelled the moment its owner says so.
CREATE OR REPLACE FUNCTION awe.job_stop() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF NEW.cancel AND OLD.state = 'queued' AND NEW.state = 'queued' THEN
    NEW.state := 'cancelled';
    NEW.ended := clock_timestamp();
    NEW.message := 'cancelled before it started';
  END IF;
  RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER stop BEFORE UPDATE OF cancel ON awe.job
  FOR EACH ROW EXECUTE FUNCTION awe.job_stop();
CREATE OR REPLACE TRIGGER wake AFTER INSERT OR UPDATE OF cancel ON awe.job
  FOR EACH STATEMENT EXECUTE FUNCTION awe.job_wake();
RESET ROLE;

GRANT CREATE ON SCHEMA awe TO awe_kernel, awe_rolemaker;
SET ROLE awe_kernel;

-- The next job: of those of the highest priority first one of the user with the fewest running jobs,
-- then of the one served longest ago. As a `guest` only of a user nothing runs for and whose job
-- is not behind those of others by its priority, and only while all that runs on this host is one
-- person's: so nobody holds all workers while others wait. A priority above what its owner may have
-- now counts as that.
CREATE OR REPLACE FUNCTION awe.job_claim(host text, lease interval, back_ends text[], guest bool DEFAULT false)
RETURNS TABLE (id bigint, attempt int, role_name name, recipe text, args jsonb, project int,
               privileges smallint, seconds int, back_end text, memory bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  candidate record;
  chosen bigint;
BEGIN
  IF guest AND (SELECT count(DISTINCT r.user_id) <> 1 FROM awe.attempt a JOIN awe.job r ON r.id = a.job
                 WHERE a.state = 'running' AND a.host = job_claim.host AND r.state = 'running') THEN
    RETURN;
  END IF;
  FOR candidate IN
    -- who waits with what priority, by the index from one to the next: as fast with many jobs
    WITH RECURSIVE waiting (user_id, priority) AS (
      (SELECT k.user_id, k.priority FROM awe.job k WHERE k.state = 'queued'
        ORDER BY k.user_id, k.priority LIMIT 1)
      UNION ALL
      SELECT n.user_id, n.priority FROM waiting w, LATERAL (
        SELECT k.user_id, k.priority FROM awe.job k
         WHERE k.state = 'queued' AND (k.user_id, k.priority) > (w.user_id, w.priority)
         ORDER BY k.user_id, k.priority LIMIT 1) n)
    SELECT w.user_id, w.priority FROM waiting w JOIN awe.users u ON u.id = w.user_id
     WHERE NOT (guest AND (w.priority < 0 OR EXISTS (
             SELECT 1 FROM awe.job r WHERE r.user_id = w.user_id AND r.state = 'running')))
     ORDER BY least(w.priority, u.max_priority) DESC,
              (SELECT count(*) FROM awe.job r WHERE r.user_id = w.user_id AND r.state = 'running'),
              (SELECT max(r.started) FROM awe.job r WHERE r.user_id = w.user_id) NULLS FIRST,
              w.user_id, w.priority DESC
  LOOP
    SELECT k.id INTO chosen FROM awe.job k
     WHERE k.user_id = candidate.user_id AND k.priority = candidate.priority
       AND k.state = 'queued' AND NOT k.cancel
       AND k.back_end = ANY (job_claim.back_ends)
       AND NOT EXISTS (SELECT 1 FROM awe.job b WHERE b.run = k.run
                       AND b.ordinal = ANY (k.after) AND b.state <> 'done')
     ORDER BY k.id FOR NO KEY UPDATE SKIP LOCKED LIMIT 1;
    EXIT WHEN chosen IS NOT NULL;
  END LOOP;
  IF chosen IS NULL THEN
    RETURN;
  END IF;
  UPDATE awe.job j SET state = 'running', attempt = j.attempt + 1, started = clock_timestamp(),
         ended = NULL, message = NULL WHERE j.id = chosen;
  INSERT INTO awe.attempt (job, attempt, host, lease_until)
    SELECT j.id, j.attempt, job_claim.host, clock_timestamp() + lease
      FROM awe.job j WHERE j.id = chosen;
  RETURN QUERY SELECT j.id, j.attempt, u.role_name, j.recipe, j.args, j.project, j.privileges,
                      j.seconds, j.back_end, j.memory
    FROM awe.job j JOIN awe.users u ON u.id = j.user_id WHERE j.id = chosen;
END $$;

-- The most an attempt held [byte], and whether that was not enough: before its end is recorded.
CREATE OR REPLACE FUNCTION awe.job_held(j bigint, a int, held bigint, was_short bool) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp BEGIN ATOMIC
  UPDATE awe.attempt SET memory = held, short = was_short
   WHERE job = j AND attempt = a AND state = 'running';
END;

CREATE OR REPLACE FUNCTION awe.job_placed(j bigint, a int, process int) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp BEGIN ATOMIC
  UPDATE awe.attempt SET pid = process WHERE job = j AND attempt = a AND state = 'running';
END;

-- Renews the lease. 'ok', 'cancel', or NULL: this attempt holds the job no more.
CREATE OR REPLACE FUNCTION awe.job_beat(j bigint, a int, lease interval) RETURNS text
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp BEGIN ATOMIC
  UPDATE awe.attempt t SET lease_until = clock_timestamp() + lease
    FROM awe.job b
   WHERE b.id = j AND b.attempt = a AND b.state = 'running'
     AND t.job = j AND t.attempt = a AND t.state = 'running'
  RETURNING CASE WHEN b.cancel THEN 'cancel' ELSE 'ok' END;
END;

CREATE OR REPLACE FUNCTION awe.job_total(j bigint, a int, inputs int) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp BEGIN ATOMIC
  UPDATE awe.job SET total = inputs WHERE id = j AND attempt = a AND state = 'running';
END;

CREATE OR REPLACE FUNCTION awe.job_say(j bigint, a int, first int, lines text[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp BEGIN ATOMIC
  INSERT INTO awe.job_log (job, attempt, line_no, line)
    SELECT j, a, first + x.o - 1, x.line FROM unnest(lines) WITH ORDINALITY x(line, o)
    WHERE EXISTS (SELECT 1 FROM awe.attempt t WHERE t.job = j AND t.attempt = a)
    ON CONFLICT DO NOTHING;
END;

-- The worker reported its end. False: a stale attempt, nothing changed.
CREATE OR REPLACE FUNCTION awe.job_end(j bigint, a int, outcome awe.job_state, status int, note text)
RETURNS bool LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM 1 FROM awe.attempt t WHERE t.job = j AND t.attempt = a AND t.state = 'running' FOR UPDATE;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  -- A worker fails at the next thing it stores, when its job was cancelled before the runner knew.
  IF outcome = 'failed' AND EXISTS (SELECT 1 FROM awe.job b WHERE b.id = j AND b.cancel) THEN
    outcome := 'cancelled';
    note := 'cancelled';
  END IF;
  UPDATE awe.job SET state = outcome, message = note, ended = clock_timestamp()
   WHERE id = j AND attempt = a AND state = 'running';
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  UPDATE awe.attempt SET state = CASE WHEN outcome = 'cancelled' THEN 'cancelled'::awe.attempt_state
                                      ELSE 'ended' END,
         ended = clock_timestamp(), exit_status = status, message = note
   WHERE job = j AND attempt = a;
  PERFORM pg_notify('awe_jobs', '');
  RETURN true;
END $$;

-- The worker is dead without a report: queued again, or lost after the last attempt allowed.
-- `counts` is false where the service was stopped: that is not the job's fault.
CREATE OR REPLACE FUNCTION awe.job_died(j bigint, a int, status int, note text, counts bool DEFAULT true)
RETURNS awe.job_state
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  became awe.job_state;
BEGIN
  UPDATE awe.attempt SET state = 'died', ended = clock_timestamp(), exit_status = status,
         message = note WHERE job = j AND attempt = a AND state = 'running';
  UPDATE awe.job b SET max_attempts = b.max_attempts + 1
   WHERE NOT counts AND b.id = j AND b.attempt = a AND b.state = 'running';
  UPDATE awe.job b SET
      state = CASE WHEN b.cancel THEN 'cancelled'::awe.job_state
                   WHEN b.attempt >= b.max_attempts THEN 'lost' ELSE 'queued' END,
      ended = CASE WHEN b.cancel OR b.attempt >= b.max_attempts THEN clock_timestamp() END,
      message = note || CASE WHEN b.cancel THEN '' WHEN b.attempt >= b.max_attempts
                             THEN '; given up after ' || b.attempt || ' attempts'
                             ELSE '; queued again' END
   WHERE b.id = j AND b.attempt = a AND b.state = 'running' RETURNING b.state INTO became;
  IF FOUND THEN
    PERFORM pg_notify('awe_jobs', '');
  END IF;
  RETURN became;
END $$;

-- What needs no process: leases that ran out, queued jobs that were cancelled or wait in vain.
CREATE OR REPLACE FUNCTION awe.job_tidy() RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  t record;
  n int;
  changed int := 0;
BEGIN
  -- Rows somebody holds are left for the next time: nobody's lock keeps others waiting.
  FOR t IN SELECT x.job, x.attempt, x.host FROM awe.attempt x JOIN awe.job b ON b.id = x.job
            WHERE x.state = 'running' AND x.lease_until < clock_timestamp()
            FOR NO KEY UPDATE SKIP LOCKED LOOP
    PERFORM awe.job_died(t.job, t.attempt, NULL, 'no sign of life from ' || t.host);
    changed := changed + 1;
  END LOOP;
  UPDATE awe.job SET state = 'cancelled', ended = clock_timestamp(), message = 'cancelled'
   WHERE id IN (SELECT k.id FROM awe.job k WHERE k.state = 'queued' AND k.cancel
                  FOR NO KEY UPDATE SKIP LOCKED);
  GET DIAGNOSTICS n = ROW_COUNT;
  changed := changed + n;
  LOOP
    UPDATE awe.job k SET state = 'failed', ended = clock_timestamp(),
           message = 'not started: job ' || b.id || ' (' || b.recipe || ') is ' || b.state
      FROM awe.job b
     WHERE k.id IN (SELECT q.id FROM awe.job q WHERE q.state = 'queued' AND q.after <> '{}' AND EXISTS (
                      SELECT 1 FROM awe.job e WHERE e.run = q.run AND e.ordinal = ANY (q.after)
                         AND e.state IN ('failed', 'cancelled', 'lost'))
                      FOR NO KEY UPDATE SKIP LOCKED)
       AND b.run = k.run AND b.ordinal = ANY (k.after) AND b.state IN ('failed', 'cancelled', 'lost');
    GET DIAGNOSTICS n = ROW_COUNT;
    EXIT WHEN n = 0;
    changed := changed + n;
  END LOOP;
  RETURN changed;
END $$;

-- Attempts a former runner of this host left behind.
CREATE OR REPLACE FUNCTION awe.job_left(on_host text)
RETURNS TABLE (job bigint, attempt int, pid int, seconds int, back_end text, memory bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp BEGIN ATOMIC
  SELECT t.job, t.attempt, t.pid, b.seconds, b.back_end, b.memory
    FROM awe.attempt t JOIN awe.job b ON b.id = t.job AND b.attempt = t.attempt
   WHERE t.state = 'running' AND t.host = on_host;
END;

-- The owner cancels a job. False: it is over, or not one's own.
CREATE OR REPLACE FUNCTION awe.job_cancel(j bigint) RETURNS bool
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  UPDATE awe.job b SET cancel = true
   WHERE b.id = j AND b.user_id = awe.caller() AND b.state IN ('queued', 'running');
  RETURN FOUND;
END $$;

-- The owner has a job that ended badly done again; finished inputs stay finished. One that had too
-- little memory gets twice what it held, if no other number is given.
CREATE OR REPLACE FUNCTION awe.job_retry(j bigint, given bigint DEFAULT NULL) RETURNS bool
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF (SELECT count(*) FROM awe.job k WHERE k.state = 'queued' AND k.user_id = awe.caller()) >= 20000 THEN
    RAISE EXCEPTION 'more than 20000 of your jobs would be queued; wait until some are done'
      USING ERRCODE = 'AW023';
  END IF;
  UPDATE awe.job b SET state = 'queued', cancel = false, max_attempts = b.attempt + 3,
         ended = NULL, message = NULL,
         memory = coalesce(given, (SELECT greatest(least(2 * t.memory, 16::bigint << 40), b.memory)
                                      FROM awe.attempt t
                                     WHERE t.job = b.id AND t.attempt = b.attempt AND t.short), b.memory)
   WHERE b.id = j AND b.user_id = awe.caller() AND b.state IN ('failed', 'lost', 'cancelled');
  RETURN FOUND;
END $$;
GRANT EXECUTE ON FUNCTION awe.job_retry(bigint, bigint), awe.job_cancel(bigint) TO awe_user;

REVOKE ALL ON FUNCTION awe.job_claim(text, interval, text[], bool), awe.job_placed(bigint, int, int),
  awe.job_beat(bigint, int, interval), awe.job_total(bigint, int, int),
  awe.job_say(bigint, int, int, text[]), awe.job_end(bigint, int, awe.job_state, int, text),
  awe.job_died(bigint, int, int, text, bool), awe.job_tidy(), awe.job_left(text),
  awe.job_held(bigint, int, bigint, bool)
  FROM PUBLIC;
GRANT EXECUTE ON FUNCTION awe.job_claim(text, interval, text[], bool), awe.job_placed(bigint, int, int),
  awe.job_beat(bigint, int, interval), awe.job_total(bigint, int, int),
  awe.job_say(bigint, int, int, text[]), awe.job_end(bigint, int, awe.job_state, int, text),
  awe.job_died(bigint, int, int, text, bool), awe.job_tidy(), awe.job_left(text),
  awe.job_held(bigint, int, bigint, bool)
  TO awe_runner;
RESET ROLE;

SET ROLE awe_rolemaker;
-- Ends the sessions of a login that was made for a while and drops it, with what others granted to it.
CREATE OR REPLACE FUNCTION awe.login_drop(login name) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = login) THEN
    RETURN;
  END IF;
  IF current_setting('server_version_num')::int >= 160000 THEN
    EXECUTE format('GRANT %I TO awe_rolemaker WITH INHERIT TRUE', login);
    PERFORM pg_terminate_backend(s.pid) FROM pg_stat_activity s WHERE s.usename = login;
    EXECUTE format('DROP OWNED BY %I', login);
  END IF;
  EXECUTE format('DROP ROLE %I', login);
END $$;

CREATE OR REPLACE FUNCTION awe.job_logout(j bigint, a int) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM awe.login_drop(format('job_%s_%s', j, a)::name);
END $$;

-- One short-lived login per running attempt: it can become its user and nobody else. Only a SCRAM
-- verifier arrives here, so no password can reach a log.
CREATE OR REPLACE FUNCTION awe.job_login(j bigint, a int, verifier text) RETURNS name
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  person name;
  longest interval;
  login name := format('job_%s_%s', j, a);
BEGIN
  IF verifier !~ '^SCRAM-SHA-256\$[0-9]+:[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+$' THEN
    RAISE EXCEPTION 'a SCRAM verifier is required' USING ERRCODE = 'AW021';
  END IF;
  -- As long as the job may take: it logs in again after the database was away.
  SELECT u.role_name, make_interval(secs => coalesce(b.seconds, 30 * 86400) + 900) INTO person, longest
    FROM awe.job b JOIN awe.users u ON u.id = b.user_id
   WHERE b.id = j AND b.attempt = a AND b.state = 'running';
  IF person IS NULL THEN
    RAISE EXCEPTION 'job % attempt % is not running', j, a USING ERRCODE = 'AW020';
  END IF;
  PERFORM awe.job_logout(j, a);
  EXECUTE format('CREATE ROLE %I LOGIN NOINHERIT CONNECTION LIMIT 8 PASSWORD %L VALID UNTIL %L '
                 'IN ROLE %I', login, verifier, now() + longest, person);
  RETURN login;
END $$;

-- Drops the logins of attempts that do not run any more.
CREATE OR REPLACE FUNCTION awe.job_sweep() RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  r record;
  swept int := 0;
BEGIN
  FOR r IN SELECT split_part(g.rolname, '_', 2)::bigint AS j, split_part(g.rolname, '_', 3)::int AS a
             FROM pg_roles g WHERE g.rolname ~ '^job_[0-9]{1,18}_[0-9]{1,9}$' LOOP
    IF NOT EXISTS (SELECT 1 FROM awe.job b WHERE b.id = r.j AND b.attempt = r.a
                   AND b.state = 'running') THEN
      PERFORM awe.job_logout(r.j, r.a);
      swept := swept + 1;
    END IF;
  END LOOP;
  RETURN swept;
END $$;
REVOKE ALL ON FUNCTION awe.job_login(bigint, int, text), awe.job_logout(bigint, int),
  awe.job_sweep(), awe.login_drop(name) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION awe.job_login(bigint, int, text), awe.job_logout(bigint, int),
  awe.job_sweep() TO awe_runner;
RESET ROLE;
REVOKE CREATE ON SCHEMA awe FROM awe_kernel, awe_rolemaker;

SET ROLE awe_owner;
REVOKE ALL ON FUNCTION awe.is_plain_json(jsonb), awe.job_wake(), awe.job_enough(), awe.job_stop(),
  awe.job_submit(uuid, text, jsonb, int, int, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION awe.is_plain_json(jsonb), awe.job_submit(uuid, text, jsonb, int, int, jsonb)
  TO awe_user;
GRANT EXECUTE ON FUNCTION awe.is_plain_json(jsonb) TO awe_kernel;
RESET ROLE;
