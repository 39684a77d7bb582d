"""The extract page: questions and documents, and the grid that is filled in while one watches."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from docmind import wording
from docmind.question_scope import NOTHING_CHOSEN, QuestionScope
from docmind.ui import chat, shared_app
from docmind.ui.asking import is_loading
from docmind.ui.markdown import plain

if TYPE_CHECKING:
    from docmind.app import App
    from docmind.extraction.grid import Extraction, GridCell

FOLLOW_S = 1.0
"""How often a grid that is being filled in is drawn anew."""
ALL = 0
"""The choice that is no collection."""


def draw_form(app: App) -> None:
    """Draw what is asked, and of which documents."""
    st.markdown("Ask the same questions of many documents, and take the answers as a table.")
    chat.draw_engine_banner(app)
    if not any(document.state == "ready" for document in app.documents.documents()):
        st.info(
            "No document is ready yet. Add some first; then each becomes a row here.",
            icon=":material/folder_open:",
        )
        if st.button("Add documents", icon=":material/upload:", type="primary"):
            st.switch_page("pages/documents.py")
        return
    names = {ALL: "All documents"}
    for collection in app.collections.all():
        names[collection.id] = plain(collection.name)
    with st.form("extract"):
        questions = st.text_area(
            "Questions, one on a line",
            placeholder="What is the monthly rent?\nHow long is the notice period?",
            height=120,
        )
        chosen = ALL
        if len(names) > 2:
            chosen = st.selectbox("Documents", list(names), format_func=names.__getitem__)
        is_busy = _is_running(app.extraction.latest())
        started = st.form_submit_button(
            "Fill in the grid",
            icon=":material/table_view:",
            type="primary",
            disabled=is_busy or is_loading(app),
        )
    if started:
        shared_app.attempt(_start, app, questions, chosen)
        st.rerun()


def draw_grid(app: App) -> None:
    """Draw the grid that is being filled in, or the last one."""
    extraction = app.extraction.latest()
    if extraction is None:
        return
    if extraction.done:
        _draw_result(extraction)
    else:
        _follow(app, extraction)


def _start(app: App, questions: str, collection: int) -> None:
    scope = NOTHING_CHOSEN
    if collection != ALL:
        scope = QuestionScope(collections=(collection,))
    app.extraction.start(questions.splitlines(), app.collections.searched(scope).ids)


def _is_running(extraction: Extraction | None) -> bool:
    return extraction is not None and not extraction.done


@st.fragment(run_every=FOLLOW_S)
def _follow(app: App, extraction: Extraction) -> None:
    """Draw a grid while it is filled in; the whole page once it is."""
    shared_app.redraw_after_restart(app)
    if extraction.done:
        st.rerun()
    filled = extraction.filled
    text = (
        f"{filled} of {wording.count(extraction.count, 'cell')} · "
        f"{wording.elapsed(extraction.elapsed_s)}"
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(filled / extraction.count, text=text)
        st.button("Stop", icon=":material/stop_circle:", on_click=extraction.stop)
    _draw_table(extraction)


def _draw_result(extraction: Extraction) -> None:
    """Draw a grid that has ended: what became of it, its cells, and its files."""
    filled = extraction.filled
    cells = f"{filled} of {wording.count(extraction.count, 'cell')}"
    if extraction.error:
        st.error(
            f"{plain(extraction.error)} What had been read is kept: {cells}.",
            icon=":material/error:",
        )
    elif extraction.stopped:
        st.caption(f":material/stop_circle: You stopped it; {cells} had been read.")
    else:
        st.caption(f":material/done: {cells} read in {wording.duration(extraction.elapsed_s)}.")
    if not filled:
        return
    _draw_table(extraction)
    _draw_downloads(extraction)


def _draw_downloads(extraction: Extraction) -> None:
    from docmind.extraction.files import to_csv, to_xlsx

    with st.container(horizontal=True):
        st.download_button(
            "Excel",
            partial(to_xlsx, extraction),
            file_name="extraction.xlsx",
            icon=":material/download:",
            on_click="ignore",
        )
        st.download_button(
            "CSV",
            partial(to_csv, extraction),
            file_name="extraction.csv",
            icon=":material/download:",
            on_click="ignore",
        )
    st.caption("Both have a value, its citation and its verdict for each question.")


def _draw_table(extraction: Extraction) -> None:
    """Draw a row for each document; a cell says what was found, and where."""
    rows: list[dict[str, str]] = []
    for document in extraction.documents:
        row = {"Document": document.name}
        for question in extraction.questions:
            row[question] = cell_text(extraction.cell(document, question))
        rows.append(row)
    st.dataframe(rows, hide_index=True, width="stretch")


def cell_text(cell: GridCell | None) -> str:
    """Return a cell in words: its value with its page, or why there is none."""
    if cell is None:
        return "…"
    if not cell.value:
        return cell.verdict
    text = cell.value
    passage = cell.answer.passage
    if passage is not None and passage.page:
        text += f" (p. {passage.page_name})"
    if cell.is_doubtful:
        text += f" ⚠ {cell.verdict}"
    return text
