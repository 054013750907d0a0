"""The start of a session."""
