-- Jobs that wait for themselves, or for later ones, never start: from now on they are refused.
UPDATE awe.job SET after = '{}', state = CASE WHEN state = 'queued' THEN 'failed'::awe.job_state ELSE state END,
       ended = coalesce(ended, now()), message = coalesce(message, 'not started: it waited for itself')
 WHERE NOT (cardinality(after) <= ordinal AND ordinal > ALL (after) AND 0 <= ALL (after));
