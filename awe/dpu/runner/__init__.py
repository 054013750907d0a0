"""The runner: takes jobs from the queue, places them, watches them, and records how they ended."""
