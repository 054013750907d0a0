-- The pages read jobs as the person who looks; nobody calls these any more.
DROP FUNCTION IF EXISTS awe.ds_job(bytea, bigint);
DROP FUNCTION IF EXISTS awe.ds_jobs(bytea);
