-- Tickets with which the dataserver proves itself, and tickets for the pages.
ALTER TABLE awe.ticket ADD COLUMN proof bytea CHECK (length(proof) = 32);
ALTER TABLE awe.ticket ADD COLUMN page text CHECK (page IN ('login', 'session'));
