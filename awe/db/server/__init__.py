"""The database server as a session sees it: connection, transactions, who asks, and from where."""
