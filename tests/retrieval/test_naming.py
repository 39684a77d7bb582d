import pytest

from docmind.retrieval.naming import named_documents

REPORTS = {
    "amex22": "AMERICANEXPRESS_2022_10K.pdf",
    "amex21": "AMERICANEXPRESS_2021_10K.pdf",
    "netflix": "NETFLIX_2022_10K.pdf",
    "3m": "3M_2018_10K.pdf",
    "downer": "Downer_EDI_Annual_Report_2022.pdf",
    "hca": "HCAHEALTHCARE_2022_10K.pdf",
    "epson": "SEIKOEPSON_2022_annual_report.pdf",
    "lease": "lease-2024.txt",
}


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("What was the net income of American Express in FY2021?", ["amex21"]),
        ("What was the net income of American Express?", ["amex22", "amex21"]),
        ("How much capital expenditure had 3M?", ["3m"]),
        ("When do Downer's lease liabilities fall due?", ["downer"]),
        ("How many beds has HCA?", ["hca"]),
        ("Who leads Epson?", ["epson"]),
        ("What does lease-2024 say of the deposit?", ["lease"]),
    ],
)
def test_a_question_names_documents_by_who_and_when(question, named):
    found = named_documents(question, REPORTS)
    assert found
    assert list(found.document_ids) == named


@pytest.mark.parametrize(
    "question",
    ["What is the net income?", "How long is the notice period of a lease?", "Who?", ""],
)
def test_common_words_name_no_document(question):
    assert named_documents(question, REPORTS) is None


def test_the_words_that_name_are_left_out_of_the_rest():
    found = named_documents("What was American Express's revenue in FY2022?", REPORTS)
    assert found
    assert found.rest == "What was revenue in ?"


def test_other_words_than_a_plural_are_needed():
    assert named_documents("How many balls did Josh Norman catch?", {"a": "Normans.txt"}) is None


def test_a_name_of_all_documents_names_none():
    twins = {"a": "lease.txt", "b": "lease (2).txt"}
    assert named_documents("What does the Lease say?", twins) is None
    assert named_documents("What does the Lease say?", {"a": "lease.txt"})
