"""Declarations: the attributes of persistent classes, and the classes there are."""
