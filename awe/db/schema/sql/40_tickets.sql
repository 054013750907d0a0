-- Tickets: a client draws a secret and leaves its SHA-256 here; the dataserver shows the secret's
-- hash and asks what it opens. A ticket for one file is a link for an external viewer.
SET ROLE awe_owner;

-- The job whose own login this session is; SET ROLE does not change it, and no person is called so.
CREATE OR REPLACE FUNCTION awe.session_job() RETURNS bigint LANGUAGE sql STABLE
  RETURN CASE WHEN session_user ~ '^job_[0-9]{1,18}_[0-9]{1,9}$'
              THEN split_part(session_user, '_', 2)::bigint END;
GRANT EXECUTE ON FUNCTION awe.session_job() TO awe_user;

CREATE TABLE IF NOT EXISTS awe.ticket (
  hash bytea PRIMARY KEY CHECK (length(hash) = 32),
  user_id int NOT NULL DEFAULT awe.uid() REFERENCES awe.users,
  job bigint DEFAULT awe.session_job(),  -- set: dies with the job that drew it
  file uuid,                             -- set: opens this file for reading and nothing else
  expires timestamptz NOT NULL DEFAULT now() + interval '12 hours',
  -- Made of the secret like the hash: with it the dataserver proves that it is the one this
  -- database knows, before the secret is shown to it. Nobody but owner and dataserver sees it.
  proof bytea CHECK (length(proof) = 32),
  -- For the pages: 'login' opens nothing but a 'session', once.
  page text CHECK (page IN ('login', 'session')));
CREATE INDEX IF NOT EXISTS ticket_expires ON awe.ticket (expires);
ALTER TABLE awe.ticket ENABLE ROW LEVEL SECURITY;
ALTER TABLE awe.ticket FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS own ON awe.ticket;
CREATE POLICY own ON awe.ticket TO awe_user USING (user_id = (SELECT awe.uid()))
  WITH CHECK (user_id = (SELECT awe.uid()) AND expires <= now() + interval '12 hours'
    AND (page IS NULL OR (page = 'login' AND file IS NULL AND expires <= now() + interval '15 minutes')));
DROP POLICY IF EXISTS kernel ON awe.ticket;
CREATE POLICY kernel ON awe.ticket TO awe_kernel USING (true) WITH CHECK (true);
GRANT SELECT, INSERT (hash, file, expires, proof, page) ON awe.ticket TO awe_user;
GRANT SELECT, INSERT, DELETE, UPDATE (expires) ON awe.ticket TO awe_kernel;  -- it locks what it sweeps

-- Where the dataserver listens now: one row, written by itself.
CREATE TABLE IF NOT EXISTS awe.server (
  one bool PRIMARY KEY DEFAULT true CHECK (one),
  address text NOT NULL CHECK (address ~ '^[A-Za-z0-9.:-]{1,255}:[0-9]{1,5}$'),
  started timestamptz NOT NULL DEFAULT now());
ALTER TABLE awe.server ENABLE ROW LEVEL SECURITY;
ALTER TABLE awe.server FORCE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS see ON awe.server;
CREATE POLICY see ON awe.server FOR SELECT TO awe_user USING (true);
DROP POLICY IF EXISTS kernel ON awe.server;
CREATE POLICY kernel ON awe.server TO awe_kernel USING (true) WITH CHECK (true);
GRANT SELECT ON awe.server TO awe_user;
GRANT SELECT, INSERT, UPDATE ON awe.server TO awe_kernel;
RESET ROLE;

-- Nobody holds a right on a table of the services that gives a lock stronger than that of reading:
-- what they may take away there, they take away by a function.
GRANT CREATE ON SCHEMA awe TO awe_kernel;
SET ROLE awe_kernel;
CREATE OR REPLACE FUNCTION awe.ticket_drop(t bytea) RETURNS bool LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  DELETE FROM awe.ticket k WHERE k.hash = t AND k.user_id = awe.caller();
  RETURN FOUND;
END $$;
RESET ROLE;
REVOKE CREATE ON SCHEMA awe FROM awe_kernel;
GRANT EXECUTE ON FUNCTION awe.ticket_drop(bytea) TO awe_user;
