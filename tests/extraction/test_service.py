"""Grids: filled in cell by cell, stopped, failed, and written as CSV and XLSX."""

import csv
import io
import threading
import time

import openpyxl
import pytest

from docmind.agents.cells import CellAnswer
from docmind.errors import DocMindError, EngineNotReady, NothingIndexed
from docmind.events import Verdict
from docmind.extraction.files import as_file, to_csv, to_xlsx, write
from docmind.extraction.grid import Extraction, GridCell
from docmind.extraction.service import MOST_QUESTIONS, ExtractionService
from docmind.storage.documents import Document
from tests.engines import PromptedEngine
from tests.fakes import FakeReader
from tests.passages import numbered


def document(name, state="ready"):
    return Document(
        id=name, name=name, suffix=".pdf", size=1, state=state, added_at="2026-01-01T00:00:00+00:00"
    )


DOCUMENTS = [document("a.pdf"), document("b.pdf"), document("late.pdf", state="queued")]


@pytest.fixture
def service():
    services = []

    def make(gate=None, engine=None, documents=DOCUMENTS):
        made = ExtractionService(
            engine=engine or PromptedEngine([]),
            make_reader=lambda: FakeReader(gate),
            list_documents=lambda: documents,
        )
        services.append(made)
        return made

    yield make
    for made in services:
        made.close()


def test_every_question_is_asked_of_every_ready_document(service):
    extraction = service().start(["How much?", " ", "Is there nothing?", "How  much?"])
    assert extraction.wait(10)
    assert [each.name for each in extraction.documents] == ["a.pdf", "b.pdf"]
    assert extraction.questions == ("How much?", "Is there nothing?")
    cell = extraction.cell(DOCUMENTS[0], "How much?")
    assert (cell.value, cell.citation, cell.verdict) == ("five", "a.pdf.txt, page 1", "supported")
    empty = extraction.cell(DOCUMENTS[1], "Is there nothing?")
    assert (empty.value, empty.citation, empty.verdict) == ("", "", "not stated")
    assert extraction.filled == extraction.count == 4


def test_only_the_chosen_documents_are_asked(service):
    extraction = service().start(["How much?"], ["b.pdf"])
    assert extraction.wait(10)
    assert [each.name for each in extraction.documents] == ["b.pdf"]


def test_one_cell_that_can_not_be_read_stops_no_other(service):
    extraction = service().start(["How much?", "Is it broken?"])
    assert extraction.wait(10)
    assert extraction.error == ""
    assert extraction.cell(DOCUMENTS[0], "How much?").value == "five"
    broken = extraction.cell(DOCUMENTS[0], "Is it broken?")
    assert broken.is_doubtful
    assert broken.verdict == "failed: The prompt does not fit."


def test_an_engine_that_dies_ends_the_grid_with_its_message(service):
    extraction = service().start(["Is it dead?"])
    assert extraction.wait(10)
    assert extraction.error == "The engine died. Restart DocMind."


def test_a_stopped_grid_keeps_what_was_read_and_another_may_follow(service):
    gate = threading.Event()
    made = service(gate)
    extraction = made.start(["How much?"])
    with pytest.raises(DocMindError, match="Another grid is being filled in"):
        made.start(["And now?"])
    extraction.stop()
    assert extraction.wait(10)
    assert (extraction.stopped, extraction.error) == (True, "")
    gate.set()
    again = made.start(["And now?"])
    assert again.wait(10)
    assert made.latest() is again
    assert again.filled == 2


def test_closing_ends_a_grid(service):
    made = service(threading.Event())
    extraction = made.start(["How much?"])
    time.sleep(0.05)
    made.close()
    assert extraction.done
    assert "closed" in extraction.error


@pytest.mark.parametrize(
    ("questions", "says"),
    [
        ([" ", ""], "Type at least one question"),
        ([f"Question {number}?" for number in range(MOST_QUESTIONS + 1)], "in a second grid"),
        (["x" * 400], "on a line of its own"),
    ],
)
def test_questions_that_can_not_be_asked_are_refused(service, questions, says):
    with pytest.raises(DocMindError, match=says):
        service().start(questions)


def test_without_documents_or_model_nothing_is_begun(service):
    with pytest.raises(NothingIndexed):
        service(documents=[DOCUMENTS[2]]).start(["How much?"])

    class Loading(PromptedEngine):
        def wait_ready(self, timeout_s=None):
            raise EngineNotReady("The model is still loading.")

    made = service(engine=Loading([]))
    with pytest.raises(EngineNotReady):
        made.start(["How much?"])
    assert made.latest() is None


@pytest.fixture
def prices():
    """A grid whose values look like formulas."""
    extraction = Extraction([DOCUMENTS[0]], ["=How much?", "What else?"])
    source = numbered(number=1, passage_id="p", document_id="a", file_name="a.pdf", text="", page=3)
    for question, value in (("=How much?", '=HYPERLINK("x")'), ("What else?", "-5,\nÄ")):
        answer = CellAnswer(text=value, passage=source.passage, verdict=Verdict.SUPPORTED)
        extraction.fill(DOCUMENTS[0], question, GridCell(answer))
    extraction.end()
    return extraction


def test_csv_has_value_citation_and_verdict_and_no_formula(prices):
    head, row = csv.reader(io.StringIO(to_csv(prices).decode("utf-8-sig")))
    assert head == [
        "Document",
        "'=How much?",
        "'=How much?: citation",
        "'=How much?: verdict",
        "What else?",
        "What else?: citation",
        "What else?: verdict",
    ]
    assert row[:4] == ["a.pdf", '\'=HYPERLINK("x")', "a.pdf, page 3", "supported"]
    assert row[4] == "'-5,\nÄ"


def test_a_workbook_has_text_where_a_formula_would_be(prices):
    sheet = openpyxl.load_workbook(io.BytesIO(to_xlsx(prices))).active
    assert sheet["B2"].value == '=HYPERLINK("x")'
    assert sheet["B2"].data_type == "s"
    assert sheet["B1"].data_type == "s"
    assert sheet["E2"].value == "-5,\nÄ"
    assert sheet["C2"].value == "a.pdf, page 3"


def test_a_file_is_written_by_its_ending(prices, tmp_path):
    write(as_file(prices, ".CSV"), tmp_path / "grid.CSV")
    assert (tmp_path / "grid.CSV").read_bytes().startswith(b"\xef\xbb\xbfDocument")
    write(as_file(prices, ".xlsx"), tmp_path / "grid.xlsx")
    assert openpyxl.load_workbook(tmp_path / "grid.xlsx").active["A2"].value == "a.pdf"
    with pytest.raises(DocMindError, match=r"must end with \.csv or \.xlsx"):
        as_file(prices, ".pdf")
    with pytest.raises(DocMindError, match="can't be written"):
        write(b"", tmp_path / "no folder" / "grid.csv")
