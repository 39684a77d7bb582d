from docmind.ui.plain_text import plain_text

ANSWER = """\
## Fees

The **monthly** fee is $5 [1].
It `rose`.

- one
  - *two*
- three

2. second
3. third

| plan | fee |
| --- | ---: |
| basic | **$5** |

```python
x = 1  # $
```
"""

PLAIN = """\
Fees

The monthly fee is $5 [1].
It rose.

- one
  - two
- three

2. second
3. third

plan\tfee
basic\t$5

x = 1  # $
"""


def test_an_answer_becomes_what_its_reader_sees():
    assert plain_text(ANSWER) == PLAIN


def test_what_is_no_markdown_stays_as_it_is():
    assert plain_text("2 * 3 * 4 = 24, a_b_c") == "2 * 3 * 4 = 24, a_b_c\n"
