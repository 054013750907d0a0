-- Who keeps others waiting is sent away. People may lock what they may change: rows of their own,
-- and with DELETE on a class its whole table; and whoever is in switches the timeouts of their own
-- session off. So awe-server asks this function a few times a second, and the sessions it names are
-- ended: never one of a service or an administrator's, and nothing that is stored is lost.
GRANT CREATE ON SCHEMA awe TO awe_warden;
SET ROLE awe_warden;

CREATE OR REPLACE FUNCTION awe.end_blockers(patience interval)
RETURNS TABLE (pid int, login name, reason text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  at timestamptz := clock_timestamp();
  crowded bool := pg_notification_queue_usage() > 0.1;
  slots int := current_setting('max_locks_per_transaction')::int * current_setting('max_connections')::int;
BEGIN
  -- The list is whole before the first session ends: the planner would ask a cheap function first.
  FOR pid, login, reason IN
  WITH
    person AS MATERIALIZED (
      SELECT a.pid, a.usename, a.xact_start,
             -- whoever does not take or send what a statement asks for idles too
             (a.state LIKE 'idle in transaction%' OR (a.state = 'active' AND a.wait_event_type = 'Client')) AS idle,
             at - a.state_change AS since, a.wait_event IS NOT DISTINCT FROM 'PgSleep' AS asleep
        FROM pg_stat_activity a JOIN pg_roles r ON r.oid = a.usesysid
       WHERE a.datname = current_database() AND NOT r.rolsuper AND r.rolname <> 'awe_pages'
         AND pg_has_role(r.oid, 'awe_world', 'MEMBER')),
    held AS MATERIALIZED (SELECT l.* FROM pg_locks l),
    -- Of a table: what keeps others from changing it, or from reading it.
    strong AS (
      SELECT h.pid, h.granted FROM held h
       WHERE h.locktype = 'relation' AND h.mode IN (
         'ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')),
    waiting AS (
      SELECT h.pid, min(h.waitstart) AS start FROM held h WHERE NOT h.granted GROUP BY h.pid),
    -- That a person asks for a whole table or a row that others refer to, for themselves alone, is not
    -- a reason to send others away: whoever writes, only after a while, and who reads, never.
    greedy AS (
      SELECT s.pid FROM strong s WHERE NOT s.granted
      UNION
      SELECT h.pid FROM held h WHERE h.locktype = 'tuple' AND h.mode = 'AccessExclusiveLock'),
    writing AS (
      SELECT h.pid FROM held h WHERE h.locktype = 'relation' AND h.mode = 'RowExclusiveLock'),
    blocking AS (
      SELECT DISTINCT b.pid, at - w.start AS long,
             w.pid IN (SELECT g.pid FROM greedy g JOIN person p ON p.pid = g.pid) AS wish
        FROM waiting w, unnest(pg_blocking_pids(w.pid)) b(pid) WHERE w.start < at - patience),
    culprit AS MATERIALIZED (
      SELECT p.pid, p.usename, 'kept others waiting' AS reason FROM person p JOIN blocking b ON b.pid = p.pid
       WHERE CASE WHEN b.wish AND p.pid NOT IN (SELECT s.pid FROM strong s) THEN
               p.pid NOT IN (SELECT w.pid FROM waiting w) AND p.pid IN (SELECT r.pid FROM writing r)
               AND ((p.idle AND least(p.since, b.long) > interval '5 seconds') OR b.long > interval '1 minute')
             ELSE
               p.pid IN (SELECT s.pid FROM strong s)
               -- Somebody waits for a session of their own: that is not an excuse.
               OR (b.long > interval '1 second' AND p.pid IN (SELECT w.pid FROM waiting w)
                   AND pg_blocking_pids(p.pid) <> '{}' AND pg_blocking_pids(p.pid) <@ ARRAY(
                     SELECT m.pid FROM person m WHERE m.usename = p.usename))
               OR (p.pid NOT IN (SELECT w.pid FROM waiting w)
                   AND ((p.idle AND p.since > patience) OR p.asleep OR b.long > interval '5 seconds'))
             END
      UNION ALL
      SELECT p.pid, p.usename, 'left a transaction open on jobs' FROM person p
       WHERE p.idle AND p.since > interval '2 seconds' AND EXISTS (
         SELECT 1 FROM held h WHERE h.pid = p.pid AND h.relation = 'awe.job'::regclass
            AND h.mode <> 'AccessShareLock')
      UNION ALL
      SELECT p.pid, p.usename, 'left a transaction open for ten minutes' FROM person p
       WHERE p.idle AND p.since > interval '10 minutes'
      UNION ALL
      SELECT p.pid, p.usename, 'had a transaction open for two hours' FROM person p
       WHERE p.xact_start < at - interval '2 hours'
      UNION ALL
      SELECT p.pid, p.usename, 'kept messages from being cleared' FROM person p
       WHERE crowded AND p.xact_start < at - interval '5 seconds'
      UNION ALL
      SELECT p.pid, p.usename, 'filled the table of locks' FROM person p
       WHERE (SELECT count(*) FROM held h WHERE h.pid = p.pid) > 200
         AND (SELECT count(*) FROM held h JOIN person o ON o.pid = h.pid WHERE o.usename = p.usename) > slots / 4)
  SELECT DISTINCT ON (c.pid) c.pid, c.usename, c.reason FROM culprit c LOOP
    IF pg_terminate_backend(pid) THEN
      RETURN NEXT;
    END IF;
  END LOOP;
END $$;
RESET ROLE;
REVOKE CREATE ON SCHEMA awe FROM awe_warden;
SET ROLE awe_warden;
REVOKE ALL ON FUNCTION awe.end_blockers(interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION awe.end_blockers(interval) TO awe_runner;
RESET ROLE;
