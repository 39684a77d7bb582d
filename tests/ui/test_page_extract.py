"""The extract page: questions in, a grid that fills, files out."""

import threading
from dataclasses import replace

from docmind.agents.cells import CellAnswer
from docmind.events import Verdict
from docmind.extraction.grid import GridCell
from docmind.extraction.service import ExtractionService
from docmind.ui.extraction import cell_text
from tests.fakes import FakeReader
from tests.ui.conftest import button, words


def fill_in(tab, questions):
    tab.text_area[0].set_value(questions)
    return button(tab, "Fill in the grid").click().run()


def grid(tab):
    """The table on the page as rows of texts."""
    return tab.dataframe[0].value.to_dict("records")


def test_without_documents_the_page_leads_to_them(open_page):
    tab = open_page("extract")
    assert "No document is ready yet" in words(tab)
    assert button(tab, "Add documents")


def test_a_grid_is_filled_in_and_can_be_taken_along(open_page, app, ready):
    tab = fill_in(open_page("extract"), "How much?\nIs there nothing?")
    assert app.extraction.latest().wait(10)
    tab.run()
    assert grid(tab) == [
        {
            "Document": "prices.txt",
            "How much?": "five (p. 1)",
            "Is there nothing?": "not stated",
        }
    ]
    assert "2 of 2 cells read" in words(tab)
    assert [each.proto.label for each in tab.get("download_button")] == ["Excel", "CSV"]


def test_a_running_grid_shows_how_far_it_is_and_can_be_stopped(open_page, app, ready):
    gate = threading.Event()
    app.extraction = ExtractionService(
        engine=app.engine,
        make_reader=lambda: FakeReader(gate),
        list_documents=app.documents.documents,
    )
    tab = fill_in(open_page("extract"), "How much?")
    assert "0 of 1 cell" in words(tab)
    assert grid(tab) == [{"Document": "prices.txt", "How much?": "…"}]
    assert button(tab, "Fill in the grid").disabled
    button(tab, "Stop").click().run()
    assert app.extraction.latest().wait(10)
    tab.run()
    assert "You stopped it; 0 of 1 cell had been read" in words(tab)


def test_an_engine_that_dies_is_said_and_what_was_read_stays(open_page, app, ready):
    tab = fill_in(open_page("extract"), "Is it dead?")
    assert app.extraction.latest().wait(10)
    tab.run()
    assert "The engine died" in words(tab)
    assert not button(tab, "Fill in the grid").disabled


def test_no_question_is_said_where_it_is_missing(open_page, app, ready):
    tab = fill_in(open_page("extract"), "  ")
    assert [toast.value for toast in tab.toast] == ["Type at least one question\\."]
    assert app.extraction.latest() is None


def test_a_loading_model_is_waited_for(open_page, app, ready):
    app.engine.now = replace(app.engine.now, state="loading")
    assert button(open_page("extract"), "Fill in the grid").disabled


def test_a_doubtful_cell_is_marked():
    answer = CellAnswer(text="five", verdict=Verdict.CONTRADICTED)
    assert cell_text(GridCell(answer)) == "five ⚠ contradicted"
    assert cell_text(GridCell(error="It is gone.")) == "failed: It is gone."
    assert cell_text(None) == "…"
