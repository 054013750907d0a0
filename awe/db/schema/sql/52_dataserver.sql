-- What the dataserver may ask, showing the hash of the secret that a client showed it.
GRANT CREATE ON SCHEMA awe TO awe_kernel;
SET ROLE awe_kernel;

-- The ticket of that hash, while it is good: not expired, of nobody who left, of no job that ended.
CREATE OR REPLACE FUNCTION awe.live_ticket(t bytea) RETURNS SETOF awe.ticket LANGUAGE sql STABLE
BEGIN ATOMIC
  SELECT k.* FROM awe.ticket k JOIN awe.users u ON u.id = k.user_id
   WHERE k.hash = t AND k.expires > now() AND u.removed IS NULL AND k.page IS DISTINCT FROM 'login'
     AND (k.job IS NULL OR EXISTS (SELECT 1 FROM awe.job j WHERE j.id = k.job AND j.state = 'running'));
END;

-- Does this ticket open this file? The same rule as policy 'see' of awe.file, for the ticket's user.
CREATE OR REPLACE FUNCTION awe.ds_may_read(t bytea, fid uuid)
RETURNS TABLE (size bigint, sha256 bytea, health text, filename text) LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT f.size, f.sha256, f.health, f.filename FROM awe.file f
   WHERE f.id = fid AND f.state IN ('linked', 'stored')
     AND ((f.state = 'linked' AND f._privileges >= 4)
       OR EXISTS (SELECT 1 FROM awe.live_ticket(t) k
            WHERE (k.file IS NULL OR k.file = fid)
             AND (f.creator = k.user_id
               OR (f.state = 'linked' AND (f._privileges >= 3
                 OR (f._privileges = 2 AND (
                      EXISTS (SELECT 1 FROM awe.member m WHERE m.user_id = k.user_id AND m.project_id = f._project)
                   OR EXISTS (SELECT 1 FROM awe.project p WHERE p.id = f._project AND p.is_public))))))));
END;

-- Files of that name which the ticket opens: one's own, then those of whoever had the name first, so
-- that nobody takes a name over; of one person the newest first.
CREATE OR REPLACE FUNCTION awe.ds_find(t bytea, name text) RETURNS TABLE (id uuid, creator name)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT f.id, u.role_name FROM awe.file f JOIN awe.users u ON u.id = f.creator
    LEFT JOIN awe.live_ticket(t) k ON k.user_id = f.creator
   WHERE f.filename = name AND f.state = 'linked' AND EXISTS (SELECT 1 FROM awe.ds_may_read(t, f.id))
   ORDER BY k.user_id IS NULL, min(f.created) OVER (PARTITION BY f.creator), f.created DESC, f.id;
END;

CREATE OR REPLACE FUNCTION awe.ds_may_write(t bytea, fid uuid) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT f.filename FROM awe.file f JOIN awe.live_ticket(t) k ON k.user_id = f.creator
   WHERE f.id = fid AND f.state = 'open' AND k.file IS NULL AND k.page IS NULL;
END;

-- True if it is stored now, NULL if its owner's quota has no room for it, which stays reserved.
CREATE OR REPLACE FUNCTION awe.ds_stored(fid uuid, sz bigint, sha bytea) RETURNS bool LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  person int := (SELECT f.creator FROM awe.file f WHERE f.id = fid AND f.state = 'open');
BEGIN
  IF person IS NULL THEN RETURN false; END IF;
  IF sz > awe.room_of(person, true) THEN RETURN NULL; END IF;
  UPDATE awe.file SET state = 'stored', size = sz, sha256 = sha, verified = now()
   WHERE id = fid AND state = 'open';
  RETURN FOUND;
END $$;

-- The bytes were read again: did they agree?
CREATE OR REPLACE FUNCTION awe.ds_health(fid uuid, found text) RETURNS void LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  UPDATE awe.file SET health = found, verified = CASE WHEN found = 'ok' THEN now() ELSE verified END
   WHERE id = fid;
END;

-- Files that are handed out and were not read again for that long, the oldest first.
CREATE OR REPLACE FUNCTION awe.ds_due(age interval, most int)
RETURNS TABLE (id uuid, filename text, size bigint, sha256 bytea) LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT f.id, f.filename, f.size, f.sha256 FROM awe.file f
   WHERE f.state IN ('stored', 'linked') AND f.health = 'ok'
     AND coalesce(f.verified, '-infinity') < now() - age
   ORDER BY coalesce(f.verified, '-infinity'), f.id LIMIT most;
END;

-- Claim what nobody linked; the row locks make this safe against a late commit.
CREATE OR REPLACE FUNCTION awe.ds_loose(grace interval) RETURNS SETOF uuid LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  UPDATE awe.file SET state = 'trash', trashed = '-infinity', size = coalesce(size, 0),
         sha256 = coalesce(sha256, sha256(''))
   WHERE id IN (SELECT f.id FROM awe.file f WHERE f.state IN ('open', 'stored')
                   AND f.created < now() - grace FOR UPDATE SKIP LOCKED)
  RETURNING id;
END;

-- Files whose bytes may go: the undo window is over.
CREATE OR REPLACE FUNCTION awe.ds_trash() RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT id FROM awe.file WHERE state = 'trash' AND trashed < now() - interval '7 days';
END;

CREATE OR REPLACE FUNCTION awe.ds_gone(fid uuid) RETURNS void LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  DELETE FROM awe.file WHERE id = fid AND state = 'trash' AND trashed < now() - interval '7 days';
END;

CREATE OR REPLACE FUNCTION awe.ds_known(ids uuid[]) RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT id FROM awe.file WHERE id = ANY (ids);
END;

CREATE OR REPLACE FUNCTION awe.ds_sweep_tickets() RETURNS void LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  DELETE FROM awe.ticket WHERE hash IN (
    SELECT k.hash FROM awe.ticket k WHERE k.expires < now() FOR UPDATE SKIP LOCKED);
END;

-- The key with which the dataserver proves itself to the ticket's owner.
CREATE OR REPLACE FUNCTION awe.ds_proof(t bytea) RETURNS bytea LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT k.proof FROM awe.live_ticket(t) k;
END;

CREATE OR REPLACE FUNCTION awe.ds_here(place text) RETURNS void LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  INSERT INTO awe.server (address) VALUES (place)
  ON CONFLICT (one) DO UPDATE SET address = excluded.address, started = now();
END;

-- Whose ticket this is: to be said on every page.
CREATE OR REPLACE FUNCTION awe.ds_who(t bytea) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT upper(u.role_name) FROM awe.live_ticket(t) k JOIN awe.users u ON u.id = k.user_id
   WHERE k.job IS NULL AND k.file IS NULL;
END;

-- Whom a ticket for the pages would log in.
CREATE OR REPLACE FUNCTION awe.ds_for_login(t bytea) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT upper(u.role_name) FROM awe.ticket k JOIN awe.users u ON u.id = k.user_id
   WHERE k.hash = t AND k.page = 'login' AND k.expires > now() AND u.removed IS NULL AND k.job IS NULL;
END;

-- A ticket for the pages becomes a browser's session, once; it stores no files.
CREATE OR REPLACE FUNCTION awe.ds_login(t bytea, session bytea) RETURNS bool LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  person int;
BEGIN
  DELETE FROM awe.ticket k USING awe.users u
   WHERE k.hash = t AND k.page = 'login' AND k.expires > now() AND u.id = k.user_id AND u.removed IS NULL
     AND k.job IS NULL
  RETURNING k.user_id INTO person;
  IF person IS NULL THEN
    RETURN false;
  END IF;
  INSERT INTO awe.ticket (hash, user_id, job, page) VALUES (session, person, NULL, 'session');
  RETURN true;
END $$;

CREATE OR REPLACE FUNCTION awe.ds_logout(session bytea) RETURNS void LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  DELETE FROM awe.ticket WHERE hash = session AND page = 'session';
END;
RESET ROLE;
REVOKE CREATE ON SCHEMA awe FROM awe_kernel;
GRANT EXECUTE ON FUNCTION awe.ds_may_read(bytea, uuid), awe.ds_find(bytea, text), awe.ds_may_write(bytea, uuid),
  awe.ds_stored(uuid, bigint, bytea), awe.ds_health(uuid, text), awe.ds_due(interval, int), awe.ds_loose(interval), awe.ds_trash(),
  awe.ds_gone(uuid), awe.ds_known(uuid[]), awe.ds_sweep_tickets(), awe.ds_proof(bytea),
  awe.ds_here(text), awe.ds_who(bytea), awe.ds_for_login(bytea),
  awe.ds_login(bytea, bytea), awe.ds_logout(bytea) TO awe_dataserver;
