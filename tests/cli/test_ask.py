"""What `docmind ask` prints below an answer."""

from docmind.cli.ask import print_sources
from docmind.events import Citation, TurnFinished, Usage
from tests.passages import numbered


def test_the_command_line_says_of_a_source_the_best_that_was_found(capsys):
    sources = tuple(numbered(n, "c", "d", f"{n}.pdf", "text", page=3) for n in (1, 2, 3))
    citations = (
        Citation(number=1, sentence="A.", supported=True),
        Citation(number=1, sentence="B.", supported=False),
        Citation(number=2, sentence="C.", supported=False),
        Citation(number=3, sentence="D.", supported=True, instead_of=7),
    )
    end = TurnFinished(
        conversation_id="c",
        turn_id="t",
        answer="A [1].",
        sources=sources,
        citations=citations,
        usage=Usage(),
    )
    print_sources(end)
    printed = " ".join(capsys.readouterr().out.split())
    assert "[1] 1.pdf, page 3 text" in printed
    assert "[2] 2.pdf, page 3 (the passage was not found to support this sentence)" in printed
    assert "[3] 3.pdf, page 3 (the model had written [7]; this is the passage" in printed
