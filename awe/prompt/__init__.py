"""The `awe` command: the prompt, scripts, and what is preloaded there.

Importing the package loads nothing; `awe.prompt.command` starts it.
"""
