"""How Sphinx builds the site: `sphinx-build -W docs OUT`, with or without a network."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

from inventories import reachable

import awe

project = "awe"
author = "The awe developers"
copyright = "The awe developers"
release = version = awe.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "numpydoc",
    "sessions",
    "interface",
]
exclude_patterns = ["_*"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
highlight_language = "none"
pygments_style = "friendly"
default_role = "literal"

myst_heading_anchors = 4

autosummary_generate = False
autodoc_typehints = "none"
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
intersphinx_mapping = reachable(
    astropy="https://docs.astropy.org/en/stable/",
    numpy="https://numpy.org/doc/stable/",
    sqlalchemy="https://docs.sqlalchemy.org/en/20/",
)

html_theme = "pydata_sphinx_theme"
html_title = "awe"
html_static_path = ["_static"]
html_css_files = ["awe.css"]
html_show_sourcelink = False
toc_object_entries_show_parents = "hide"
html_theme_options = {
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "header_links_before_dropdown": 6,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_sidebars = {"index": []}
