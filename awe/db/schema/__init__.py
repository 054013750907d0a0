"""The schema of the database: tables from the declared classes, SQL files, and migrations."""
