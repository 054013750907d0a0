"""One module for each name, made when it is imported."""
