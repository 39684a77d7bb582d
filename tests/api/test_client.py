"""What a program gets of the running app over its socket."""

import stat
import threading
import time

import pytest

from docmind.api.client import Client, connect
from docmind.errors import (
    DocMindError,
    EngineFailed,
    IngestError,
    NothingIndexed,
    UnsupportedFile,
)
from docmind.events import SourcesFound, TokenDelta, TurnFinished, Verdict
from tests.api.conftest import ANSWER, answering
from tests.engines import PromptedEngine


def test_a_question_is_answered_with_all_that_the_page_sees(serve_app, connected):
    app = serve_app()
    events = list(connected(app).ask("Are pets allowed?"))
    end = events[-1]
    assert isinstance(end, TurnFinished)
    assert end.answer == ANSWER
    assert end.statements[0].verdict is Verdict.SUPPORTED
    assert end.sources[0].passage.file_name == "lease.txt"
    assert any(isinstance(event, SourcesFound) for event in events)
    streamed = "".join(event.text for event in events if isinstance(event, TokenDelta))
    assert ANSWER in streamed
    # It is a conversation like those of the page.
    (conversation,) = app.conversations.list()
    assert conversation.id == end.conversation_id
    assert app.conversations.messages(conversation.id)[-1].text == ANSWER


def test_text_comes_while_the_model_still_writes(serve_app, connected):
    app = serve_app(PromptedEngine(answering("word " * 200), delay_s=0.02))
    for event in connected(app).ask("Pets?"):
        if isinstance(event, TokenDelta) and event.channel == "answer":
            (conversation,) = app.conversations.list()
            assert app.chat.active(conversation.id) is not None
            break


def test_who_hangs_up_stops_the_answer(serve_app, connected):
    engine = PromptedEngine(answering("word " * 5000), delay_s=0.01)
    app = serve_app(engine)
    events = connected(app).ask("Pets?")
    for event in events:
        if isinstance(event, TokenDelta):
            break
    events.close()
    (conversation,) = app.conversations.list()
    deadline = time.monotonic() + 30
    while app.chat.active(conversation.id) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert engine.aborted == 1
    stored = app.conversations.messages(conversation.id)[-1]
    assert stored.stopped
    assert stored.text.startswith("word")


def test_a_conversation_goes_on_and_a_collection_confines_it(serve_app, connected):
    app = serve_app()
    client = connected(app)
    app.collections.create("Contracts")
    for document in app.documents.documents():
        if document.name == "lease.txt":
            app.collections.move(document.id, app.collections.named("Contracts").id)
    first = list(client.ask("Are pets allowed?", collections=["contracts"]))[-1]
    assert {source.passage.file_name for source in first.sources} == {"lease.txt"}
    list(client.ask("And dogs?", conversation=first.conversation_id))
    assert len(app.conversations.messages(first.conversation_id)) == 4
    with pytest.raises(IngestError, match="no collection called 'Bills'"):
        list(client.ask("Pets?", collections=["Bills"]))
    with pytest.raises(DocMindError, match="no conversation gone"):
        list(client.ask("Pets?", conversation="gone"))


def test_a_file_is_added_read_found_and_removed(client, tmp_path):
    # A name as files may have them.
    odd = tmp_path / 'Größe "neu"\n% ü.md'
    odd.write_text("# Bikes\n\nBicycles are kept in the cellar.\n", "utf-8")
    added = client.add(odd, collection="House", tags=["rules", "2026"])
    document = added["document"]
    assert not added["known"]
    assert client.add(odd)["known"]
    while client.states([document["id"]])[0]["state"] != "ready":
        time.sleep(0.05)
    (stored,) = client.states([document["id"]])
    assert stored["name"] == 'Größe "neu"% ü.md'
    assert stored["tags"] == ["2026", "rules"]
    assert "in the cellar" in client.text(stored["name"])["text"]
    (best,) = client.search("Where are bicycles kept?", 1)
    assert best["document_id"] == document["id"]
    confined = client.search("Where are bicycles kept?", 5, documents=["lease.txt"])
    assert {passage["file_name"] for passage in confined} == {"lease.txt"}
    in_house = client.search("Where are bicycles kept?", 5, collections=["house"])
    assert {passage["document_id"] for passage in in_house} == {document["id"]}


def test_a_statement_is_compared_with_the_documents(client):
    said = client.verify("The notice period is three months.")
    assert [found["verdict"] for found in said["statements"]] == ["supported"]
    (number,) = said["statements"][0]["passages"]
    (source,) = [source for source in said["sources"] if source["number"] == number]
    assert source["file_name"] == "lease.txt"
    wrong = client.verify("The notice period is six months.")
    assert [found["verdict"] for found in wrong["statements"]] == ["contradicted"]


def test_errors_are_those_of_the_services(client, tmp_path):
    program = tmp_path / "setup.exe"
    program.write_bytes(b"MZ")
    with pytest.raises(UnsupportedFile, match=r"setup\.exe"):
        client.add(program)
    with pytest.raises(IngestError, match="can't be read"):
        client.add(tmp_path / "gone.txt")
    with pytest.raises(DocMindError, match="no document 'gone'"):
        client.text("gone")
    for document in client.documents():
        client._json("DELETE", f"/api/documents/{document['id']}")
    with pytest.raises(NothingIndexed):
        list(client.ask("Pets?"))


def test_only_the_owner_may_connect_and_only_while_the_app_runs(serve_app):
    app = serve_app()
    socket = app.settings.socket
    assert stat.S_IMODE(socket.stat().st_mode) == 0o600
    connect(socket).close()
    app.close()
    assert connect(socket) is None
    # What a killed app leaves is no running one.
    socket.touch()
    assert connect(socket) is None


def test_an_app_that_closes_ends_its_answers_and_says_so(serve_app, connected):
    app = serve_app(PromptedEngine(answering("word " * 5000), delay_s=0.01))
    client = connected(app)
    events = client.ask("Pets?")
    next(events)
    closing = threading.Thread(target=app.close)
    closing.start()
    end = list(events)[-1]
    assert "closed while this question was being answered" in end.error
    closing.join(30)
    with pytest.raises(EngineFailed, match="has ended"):
        client.status()


def test_a_data_folder_with_a_long_path_has_a_socket(serve_app, tmp_path):
    app = serve_app()
    deep = tmp_path / ("folder" * 20)
    deep.mkdir()
    link = deep / "data"
    link.symlink_to(app.settings.data_dir)
    client = Client(link / "api.sock")
    assert client.status()["engine"]["state"] == "ready"
    client.close()
