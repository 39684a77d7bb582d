"""A conversation as one web page that needs nothing else."""

from __future__ import annotations

from html import escape

from markdown_it import MarkdownIt

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1rem/1.6 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }}
h1 {{ line-height: 1.25; }}
h2 {{ margin-top: 2.5rem; font-size: 1.15rem; line-height: 1.35; }}
blockquote {{ margin: .5rem 0 1.2rem; padding: .1rem 1rem; border-left: 3px solid #5b7bd5; }}
table {{ border-collapse: collapse; }}
th, td {{ border: 1px solid #8886; padding: .25rem .6rem; text-align: left; }}
pre {{ overflow-x: auto; padding: .8rem; border: 1px solid #8886; }}
body {{ overflow-wrap: anywhere; }}
</style>
</head>
<body>
{body}
</body>
</html>
"""  # noqa: E501  the style sheet


def markdown_reader() -> MarkdownIt:
    """Return what reads transcripts: tables, and neither raw HTML nor pictures from elsewhere."""
    return MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")


def web_page(title: str, transcript: str) -> str:
    """Return a transcript in Markdown as a web page.

    It loads nothing: its content policy forbids what a document may have talked the model into.
    """
    body = markdown_reader().render(transcript)
    return _PAGE.format(title=escape(title), body=body)
