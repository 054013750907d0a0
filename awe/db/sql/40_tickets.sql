-- Tickets: a client draws a secret and leaves its SHA-256 here; the dataserver shows the secret's
-- hash and asks what it opens. A ticket for one file is a link for an external viewer.
SET ROLE awe_owner;

CREATE TABLE awe.ticket (
  hash bytea PRIMARY KEY CHECK (length(hash) = 32),
  user_id int NOT NULL DEFAULT awe.uid() REFERENCES awe.users,
  job bigint,
  file uuid,                             -- set: opens this file for reading and nothing else
  expires timestamptz NOT NULL DEFAULT now() + interval '12 hours');
CREATE INDEX ticket_expires ON awe.ticket (expires);
ALTER TABLE awe.ticket ENABLE ROW LEVEL SECURITY;
ALTER TABLE awe.ticket FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON awe.ticket TO awe_user USING (user_id = (SELECT awe.uid()))
  WITH CHECK (user_id = (SELECT awe.uid()) AND expires <= now() + interval '12 hours');
CREATE POLICY kernel ON awe.ticket TO awe_kernel USING (true) WITH CHECK (true);
GRANT SELECT, DELETE, INSERT (hash, file, expires) ON awe.ticket TO awe_user;
GRANT SELECT, DELETE ON awe.ticket TO awe_kernel;
RESET ROLE;

GRANT CREATE ON SCHEMA awe TO awe_kernel;
SET ROLE awe_kernel;

-- Does this ticket open this file? The same rule as policy 'see' of awe.file, for the ticket's user.
CREATE FUNCTION awe.ds_may_read(t bytea, fid uuid)
RETURNS TABLE (size bigint, sha256 bytea, health text, filename text) LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT f.size, f.sha256, f.health, f.filename FROM awe.file f
   WHERE f.id = fid AND f.state IN ('linked', 'stored')
     AND ((f.state = 'linked' AND f._privileges >= 4)
       OR EXISTS (SELECT 1 FROM awe.ticket k JOIN awe.users u ON u.id = k.user_id
            WHERE k.hash = t AND k.expires > now() AND u.removed IS NULL
             AND (k.file IS NULL OR k.file = fid)
             AND (f.creator = k.user_id
               OR (f.state = 'linked' AND (f._privileges >= 3
                 OR (f._privileges = 2 AND (
                      EXISTS (SELECT 1 FROM awe.member m WHERE m.user_id = k.user_id AND m.project_id = f._project)
                   OR EXISTS (SELECT 1 FROM awe.project p WHERE p.id = f._project AND p.is_public))))))));
END;

-- Files of that name which the ticket opens, newest first.
CREATE FUNCTION awe.ds_find(t bytea, name text) RETURNS TABLE (id uuid, creator name)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT f.id, u.role_name FROM awe.file f JOIN awe.users u ON u.id = f.creator
   WHERE f.filename = name AND f.state = 'linked' AND EXISTS (SELECT 1 FROM awe.ds_may_read(t, f.id))
   ORDER BY f.created DESC, f.id;
END;

CREATE FUNCTION awe.ds_may_write(t bytea, fid uuid) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT f.filename FROM awe.file f JOIN awe.ticket k ON k.user_id = f.creator
    JOIN awe.users u ON u.id = k.user_id
   WHERE f.id = fid AND f.state = 'open' AND k.hash = t AND k.expires > now() AND k.file IS NULL
     AND u.removed IS NULL;
END;

CREATE FUNCTION awe.ds_stored(fid uuid, sz bigint, sha bytea) RETURNS bool LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  UPDATE awe.file SET state = 'stored', size = sz, sha256 = sha, verified = now()
   WHERE id = fid AND state = 'open';
  RETURN FOUND;
END $$;

-- The bytes were read again: did they agree?
CREATE FUNCTION awe.ds_health(fid uuid, found text) RETURNS void LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  UPDATE awe.file SET health = found, verified = CASE WHEN found = 'ok' THEN now() ELSE verified END
   WHERE id = fid;
END;

-- Claim what nobody linked; the row locks make this safe against a late commit.
CREATE FUNCTION awe.ds_loose(grace interval) RETURNS SETOF uuid LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  UPDATE awe.file SET state = 'trash', trashed = '-infinity', size = coalesce(size, 0),
         sha256 = coalesce(sha256, sha256(''))
   WHERE state IN ('open', 'stored') AND created < now() - grace
  RETURNING id;
END;

-- Files whose bytes may go: the undo window is over.
CREATE FUNCTION awe.ds_trash() RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT id FROM awe.file WHERE state = 'trash' AND trashed < now() - interval '7 days';
END;

CREATE FUNCTION awe.ds_gone(fid uuid) RETURNS void LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  DELETE FROM awe.file WHERE id = fid AND state = 'trash' AND trashed < now() - interval '7 days';
END;

CREATE FUNCTION awe.ds_known(ids uuid[]) RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT id FROM awe.file WHERE id = ANY (ids);
END;

CREATE FUNCTION awe.ds_sweep_tickets() RETURNS void LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  DELETE FROM awe.ticket WHERE expires < now();
END;
RESET ROLE;
REVOKE CREATE ON SCHEMA awe FROM awe_kernel;
GRANT EXECUTE ON FUNCTION awe.ds_may_read(bytea, uuid), awe.ds_find(bytea, text), awe.ds_may_write(bytea, uuid),
  awe.ds_stored(uuid, bigint, bytea), awe.ds_health(uuid, text), awe.ds_loose(interval), awe.ds_trash(),
  awe.ds_gone(uuid), awe.ds_known(uuid[]), awe.ds_sweep_tickets() TO awe_dataserver;
