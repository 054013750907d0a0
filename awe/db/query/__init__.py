"""The query language: conditions over attributes and links, compiled to SQL, read as objects."""
