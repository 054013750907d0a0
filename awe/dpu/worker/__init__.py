"""The worker: the process in which one attempt at a job runs."""
