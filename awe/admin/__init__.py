"""The nouns of awe-admin, one module each."""
