-- The projects every installation begins with.
SET ROLE awe_owner;
ALTER TABLE awe.project NO FORCE ROW LEVEL SECURITY;
INSERT INTO awe.project (id, name, description, instrument, is_public, is_query_only, max_privileges, default_privileges)
VALUES
  (1, 'ALL', 'All public data.', NULL, true, true, 5, 1),
  (36, 'OMEGACAM@VST',
   E'All public data for OmegaCAM.  OmegaCAM is a 1 square\ndegree wide field, optical, 16k X 16k pixel camera for the VLT Survey\nTelescope (VST) on Paranal Observatory.',
   'OMEGACAM', true, false, 4, 1),
  (37, 'TUTORIAL2015', 'Course work on calibrating data.', 'OMEGACAM', false, false, 4, 1)
ON CONFLICT DO NOTHING;
ALTER TABLE awe.project FORCE ROW LEVEL SECURITY;
RESET ROLE;
