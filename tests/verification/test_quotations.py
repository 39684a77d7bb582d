"""The passages' own words, where the model's are not supported."""

from docmind.events import Verdict
from docmind.verification.mending import replace_statement, without_empty_headings
from docmind.verification.quotations import closest_quotation, find_quotation, quoted_words
from docmind.verification.statements import check_answer
from tests.passages import numbered

CONTRACT = (
    "Brightcode Ltd maintains the warehouse system for Harbour Foods plc. "
    "The monthly fee is EUR 3,900. Either party may terminate with six weeks' notice."
)


def passage(text, number=1, file_name="contract-harbour.docx", **fields):
    return numbered(number, f"p{number}", f"d{number}", file_name, text, **fields)


def quotation(question, sentence, *passages):
    found = find_quotation(question, sentence, passages)
    return None if found is None else str(found)


def test_the_sentence_that_speaks_of_what_is_asked_is_quoted():
    found = quotation(
        "What is the monthly fee of Harbour Foods plc?",
        "The fee is EUR 114,000 [1].",
        passage("The weather was fine. Nobody said anything else about it.", 1),
        passage(CONTRACT, 2),
    )
    assert found == 'The document says: "The monthly fee is EUR 3,900." [2]'


def test_nothing_is_quoted_where_what_is_asked_is_not_spoken_of():
    contract = passage(CONTRACT)
    assert quotation("What is the capital of Mongolia?", "Ulaanbaatar [1].", contract) is None
    employees = "How many employees does Harbour Foods plc have?"
    assert quotation(employees, "Harbour Foods plc has 30 employees [1].", contract) is None
    assert quotation("Who is the CEO of Brightcode Ltd?", "M. Okafor [1].", contract) is None


def test_a_value_finds_the_sentence_in_another_language():
    found = quotation(
        "Wie lang ist die Kündigungsfrist im Vertrag mit Harbour Foods plc?",
        "Die Kündigungsfrist beträgt sechs Wochen [1].",
        passage(CONTRACT),
    )
    assert found == 'Im Dokument steht: "Either party may terminate with six weeks\' notice." [1]'


def test_a_quotation_is_supported_by_its_passage_and_by_no_other():
    rows = passage(
        'Item | Price\nMonitor "wide" | EUR 310\nDesk [2] | EUR 99', table=True, file_name="p.csv"
    )
    found = quotation("What is the price of the monitor?", "It is EUR 99 [1].", rows)
    assert found == "The document says: \"Monitor 'wide', EUR 310\" [1]"
    (statement,) = check_answer("", found, [rows]).statements
    assert statement.verdict is Verdict.SUPPORTED
    (statement,) = check_answer("", found, [passage(CONTRACT)]).statements
    assert statement.verdict is not Verdict.SUPPORTED


def test_headings_are_not_quoted_but_say_what_stands_under_them():
    contract = passage("# Services for Harbour Foods plc\n\n# 6. Law\n\nEngland and Wales apply.")
    found = quotation("Which law applies for Harbour Foods plc?", "German law [1].", contract)
    assert found == 'The document says: "England and Wales apply." [1]'


def test_the_document_that_has_the_names_of_the_question_is_quoted():
    harbour = passage("Harbour Foods plc is the client. The liability is limited to GBP 1.", 1)
    northwind = passage("Northwind is the client. The liability is limited to EUR 2.", 2, "n.docx")
    found = quotation("What is the liability of Harbour Foods plc?", "EUR 2.", northwind, harbour)
    assert found == 'The document says: "The liability is limited to GBP 1." [1]'


def test_a_long_sentence_is_cut_and_still_supported():
    long_one = "The tenant pays for " + ", ".join(f"thing number {n}" for n in range(60)) + "."
    found = str(closest_quotation("thing", passage(long_one)))
    assert len(found) < 450
    (statement,) = check_answer("", found, [passage(long_one)]).statements
    assert statement.verdict is Verdict.SUPPORTED


def test_only_a_quotation_is_read_as_one():
    assert quoted_words('It says: "Pets are allowed."') == ('It says: "Pets are allowed."')
    assert quoted_words('The document says: "Pets are allowed."') == "Pets are allowed."


# Sentences out of an answer


def without(answer, place, words=""):
    statement = check_answer("", answer, [passage(CONTRACT)]).statements[place]
    return replace_statement(answer, statement, words)


def test_a_sentence_goes_with_its_bullet_or_leaves_its_neighbours_as_they_are():
    listed = "Found:\n- The fee is EUR 1 [1].\n- The monthly fee is EUR 3,900 [1]."
    assert without(listed, 1) == "Found:\n- The monthly fee is EUR 3,900 [1]."
    assert without(listed, 1, "New [1].") == (
        "Found:\n- New [1].\n- The monthly fee is EUR 3,900 [1]."
    )
    prose = "One thing is so. Another is not [1]. A third is."
    assert without(prose, 1) == "One thing is so. A third is."


def test_a_heading_goes_with_the_last_sentence_under_it():
    assert without_empty_headings("# Fees\n\n# Terms\nSix weeks.\n\nAlso:") == (
        "# Terms\nSix weeks."
    )
    assert without_empty_headings("# A\n## B\nSo:\n- one") == "# A\n## B\nSo:\n- one"


def test_a_sentence_that_only_names_who_is_asked_about_is_not_quoted():
    made = passage(
        "This Services Agreement is made on 3 March 2025 between Harbour Foods plc ('Client') and "
        "Brightcode Ltd ('Supplier'). The Supplier keeps the goods dry."
    )
    asked = "How many employees does Harbour Foods plc have?"
    assert quotation(asked, "", made) is None
