"""Looking at images: a window with single-key tools, results returned to the prompt.

Arrays and headers only: nothing here knows the database. Importing the package is cheap;
matplotlib is loaded when a window is opened.
"""
