"""What a summary leaves out of a document's amounts, terms and dates is quoted."""

from docmind.events import Verdict
from docmind.verification.figures import MOST, left_out
from docmind.verification.statements import check_answer
from tests.passages import numbered

TEXT = (
    "# Services Agreement\n\nIt is made between Northwind GmbH and Brightcode Ltd.\n\n"
    "# 2. Term\n\nIt starts on 1 April 2025 and runs for 24 months. See section 3.\n\n"
    "# 3. Fees\n\nThe Client shall pay a monthly fee of EUR 4,750."
)
SOURCES = [numbered(number=1, passage_id="a", document_id="d", file_name="a.md", text=TEXT)]


def test_sentences_with_amounts_terms_and_dates_are_quoted_in_reading_order():
    found = left_out("It is an agreement of Northwind GmbH and Brightcode Ltd [1].", SOURCES)
    assert [quotation.words for quotation in found] == [
        "It starts on 1 April 2025 and runs for 24 months.",
        "The Client shall pay a monthly fee of EUR 4,750.",
    ]
    quoted = "\n".join(f'- "{each.words}" [{each.number}]' for each in found)
    checked = check_answer("", quoted, SOURCES)
    assert [each.verdict for each in checked.statements] == [Verdict.SUPPORTED] * 2


def test_what_the_summary_tells_is_not_said_again():
    told = "From April 1, 2025 it runs for two years; the fee is 4,750 euros a month [1]."
    assert left_out(told, SOURCES) == []


def test_no_more_than_a_few_sentences_are_added():
    text = "".join(f"Item {number} costs EUR {number * 7 + 100}.\n" for number in range(30))
    source = numbered(number=1, passage_id="a", document_id="d", file_name="a.md", text=text)
    assert len(left_out("A list of prices.", [source])) == MOST


def test_a_document_without_values_adds_nothing():
    source = numbered(number=1, passage_id="a", document_id="d", file_name="a.md", text="Be kind.")
    assert left_out("It says to be kind.", [source]) == []
