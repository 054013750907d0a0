"""Services of an embedded installation: database, awe-server, their start and stop."""
