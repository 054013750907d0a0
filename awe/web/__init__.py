"""Pages to look at jobs and objects, from the dataserver's process."""
