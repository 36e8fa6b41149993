"""How `make site` makes a site of these pages; docs/decisions/python-site.md says why with these tools."""

project = "copier-go-service"
extensions = ["myst_parser"]
exclude_patterns: list[str] = []

# Links to headings as GitHub makes them, so that one text is right in both places. A wrong one fails the build.
myst_heading_anchors = 3
nitpicky = True

html_theme = "furo"
html_title = project
html_static_path = ["static"]
html_favicon = "static/favicon.svg"
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
html_permalinks_icon = "#"
html_theme_options = {"navigation_with_keys": True}

# Text that a reader copies must stay as it is typed: no dashes out of `--data`, no curly quotes.
smartquotes = False
# No lexer of Pygments reads Mermaid or a file tree; such blocks say `text`.
highlight_language = "text"
