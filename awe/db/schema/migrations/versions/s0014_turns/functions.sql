-- Their results have one more column, and a retry one more argument: made anew by 50_jobs.sql.
DROP FUNCTION IF EXISTS awe.job_claim(text, interval, text[], bool);
DROP FUNCTION IF EXISTS awe.job_left(text);
DROP FUNCTION IF EXISTS awe.job_retry(bigint);
DROP INDEX IF EXISTS awe.job_waiting;
