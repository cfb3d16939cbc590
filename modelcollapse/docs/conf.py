"""How Sphinx builds the documentation: ``sphinx-build -W modelcollapse/docs site`` in a clone."""

import sys
from importlib.util import find_spec
from pathlib import Path

from sphinx.errors import ConfigError

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1]))  # what is documented is what is beside these pages

NEEDED = ("furo", "myst_parser", "numpydoc", "latex2mathml", "sphinx_gallery", "matplotlib")
if lacking := [name for name in NEEDED if find_spec(name) is None]:
    raise ConfigError(f"{', '.join(lacking)} not installed: pip install '.[docs]'")

from modelcollapse import __version__  # noqa: E402 - found on the path that is set above

project = "modelcollapse"
author = "The modelcollapse developers"
version = release = __version__
extensions = [
    *("myst_parser", "sphinx.ext.autodoc", "sphinx_gallery.gen_gallery"),
    "modelcollapse.docs._site.extension",
]
exclude_patterns = [
    "_site",
    "gallery",  # the scripts, of which sphinx-gallery makes pages in pictures/
    "reference/readme.md",  # included in the first page
]
# Types in signatures are those of other packages, whose pages are not at hand: no links there.
nitpicky = True
nitpick_ignore_regex = [("py:.*", ".*")]
default_role = "py:obj"

myst_enable_extensions = ["dollarmath", "fieldlist"]
myst_fence_as_directive = ["math"]  # formulas by themselves, as code hosts show them
myst_heading_anchors = 4

autodoc_member_order = "bysource"
maximum_signature_line_length = 80
autodoc_preserve_defaults = True
toc_object_entries = False  # each object has a heading of its own
numpydoc_show_class_members = False  # autodoc shows them

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "pictures",
    "filename_pattern": r"\.py$",  # all of them are run
    "abort_on_example_error": True,
    "image_scrapers": "modelcollapse.docs._site.gallery.scraper",
    "image_srcset": ["2x"],
    "within_subsection_order": "FileNameSortKey",
    "download_all_examples": False,
    "show_signature": False,
    "write_computation_times": False,
    "min_reported_time": 1_000,
}

html_theme = "furo"
html_title = "modelcollapse"
html_permalinks_icon = '<span aria-hidden="true">¶</span>'  # so that the link's title is its name
pygments_dark_style = "github-dark"  # no name in a program looks like a link
html_math_renderer = "mathml"
html_static_path = ["_site/static"]
html_css_files = ["site.css"]
html_search_scorer = str(HERE / "reference/scorer.js")
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
