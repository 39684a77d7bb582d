"""OpenAI's own client against the running app."""

import asyncio
import socket

import openai
import pytest

from docmind.passages import NumberedPassage
from tests.api.conftest import ANSWER, answering
from tests.engines import PromptedEngine

PETS = [{"role": "user", "content": "Are pets allowed?"}]


@pytest.fixture
def serve_openai(serve_app):
    """`serve_openai(engine, **settings)` → the app, and OpenAI's client of its port."""
    clients = []

    def start(engine=None, **groups):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        app = serve_app(engine, api={"port": port, "token": "secret"}, **groups)
        client = openai.OpenAI(
            base_url=f"http://127.0.0.1:{port}/v1", api_key="secret", max_retries=0
        )
        clients.append(client)
        return app, client

    yield start
    for client in clients:
        client.close()


def test_an_answer_has_its_citations_verdicts_and_sources(serve_openai):
    app, client = serve_openai()
    (model,) = client.models.list().data
    assert model.id == client.models.retrieve("docmind").id == "docmind"
    answer = client.chat.completions.create(model="docmind", messages=PETS)
    (choice,) = answer.choices
    assert choice.message.content == ANSWER
    assert choice.finish_reason == "stop"
    (annotation,) = choice.message.annotations
    citation = annotation.url_citation
    assert ANSWER[citation.start_index : citation.end_index] == "[1]"
    assert citation.title == "lease.txt"
    details = answer.model_extra["docmind"]
    assert details["statements"][0]["verdict"] == "supported"
    source = NumberedPassage.from_json(details["sources"][0])
    assert citation.url == f"docmind://documents/{source.passage.document_id}"
    assert answer.usage.total_tokens > answer.usage.completion_tokens > 0
    # The caller keeps the conversation, not this app.
    assert app.conversations.list() == []


def test_a_stream_is_the_answer_and_ends_with_what_is_known_of_it(serve_openai):
    _, client = serve_openai()
    chunks = list(
        client.chat.completions.create(
            model="docmind", messages=PETS, stream=True, stream_options={"include_usage": True}
        )
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == ANSWER
    *_, last, usage = chunks
    assert last.choices[0].finish_reason == "stop"
    assert last.model_extra["docmind"]["answer"] == ANSWER
    assert last.choices[0].delta.model_extra["annotations"]
    assert usage.usage.total_tokens > 0


def test_who_hangs_up_stops_the_answer(serve_openai):
    engine = PromptedEngine(answering("word " * 5000), delay_s=0.01)
    app, client = serve_openai(engine)
    stream = client.chat.completions.create(model="docmind", messages=PETS, stream=True)
    for chunk in stream:
        if chunk.choices[0].delta.content:
            break
    stream.close()
    asyncio.run(leave_while_it_is_answered(client, engine))
    app.chat.close()  # waits for what runs
    assert engine.aborted == 2


async def leave_while_it_is_answered(client, engine):
    async with openai.AsyncOpenAI(base_url=client.base_url, api_key="secret") as asking:
        call = asyncio.create_task(asking.chat.completions.create(model="docmind", messages=PETS))
        prompts_before = len(engine.prompts)
        while len(engine.prompts) < prompts_before + 2:  # the plan, then the agent
            await asyncio.sleep(0.05)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call


def test_a_sentence_that_did_not_stand_is_put_right_in_the_stream(serve_openai):
    """A stream can't be taken back, so the checked answer follows."""
    wrong = "Pets are not allowed [1]. The notice period is nine months [1]."
    _, client = serve_openai(
        PromptedEngine(answering(wrong)), agents={"unsupported_sentences": "mend"}
    )
    stream = client.chat.completions.create(model="docmind", messages=PETS, stream=True)
    chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    details = chunks[-1].model_extra["docmind"]
    assert details["replacements"]
    assert "nine months" not in details["answer"]
    assert text.endswith(details["answer"])


def test_earlier_messages_are_the_conversation(serve_openai):
    engine = PromptedEngine(answering())
    _, client = serve_openai(engine)
    messages = [
        {"role": "system", "content": "Answer like a pirate."},
        {"role": "user", "content": "How long does the lease run?"},
        {"role": "assistant", "content": "Three years."},
        {"role": "user", "content": [{"type": "text", "text": "Are pets allowed?"}]},
    ]
    answer = client.chat.completions.create(
        model="docmind", messages=messages, temperature=0.5, max_tokens=50
    )
    seen = str(engine.prompts)
    assert "How long does the lease run?" in seen
    assert "Three years." in seen
    assert "pirate" not in seen
    notices = " ".join(answer.model_extra["docmind"]["notices"])
    assert "max_tokens" in notices
    assert "System messages" in notices
    assert any(request["temperature"] == 0.5 for request in engine.requests)


def test_metadata_confines_the_search(serve_openai):
    app, client = serve_openai()
    app.collections.create("Staff")
    for document in app.documents.documents():
        if document.name == "handbook.md":
            app.collections.move(document.id, app.collections.named("Staff").id)

    def files_found(**metadata):
        answer = client.chat.completions.create(model="docmind", messages=PETS, metadata=metadata)
        return {source["file_name"] for source in answer.model_extra["docmind"]["sources"]}

    assert files_found(collection="staff") == {"handbook.md"}
    assert files_found(document="lease.txt") == {"lease.txt"}
    assert files_found(collections="staff", documents="lease.txt") == {"handbook.md", "lease.txt"}
    with pytest.raises(openai.BadRequestError, match="no document 'gone'"):
        files_found(document="gone")


def test_a_conversation_can_be_kept_here(serve_openai):
    app, client = serve_openai()
    answer = client.chat.completions.create(
        model="docmind", messages=PETS, metadata={"conversation": "new"}
    )
    kept = answer.model_extra["docmind"]["conversation_id"]
    client.chat.completions.create(model="docmind", messages=PETS, metadata={"conversation": kept})
    assert len(app.conversations.messages(kept)) == 4


def test_what_cannot_be_heeded_is_refused(serve_openai):
    _, client = serve_openai()
    tool = {"type": "function", "function": {"name": "f", "parameters": {}}}
    with pytest.raises(openai.BadRequestError, match="tools of their own"):
        client.chat.completions.create(model="docmind", messages=PETS, tools=[tool])
    with pytest.raises(openai.BadRequestError, match="no model 'gpt-4'"):
        client.chat.completions.create(model="gpt-4", messages=PETS)
    with pytest.raises(openai.BadRequestError, match="one answer"):
        client.chat.completions.create(model="docmind", messages=PETS, n=2)
    with pytest.raises(openai.BadRequestError, match="last message"):
        client.chat.completions.create(
            model="docmind", messages=[{"role": "assistant", "content": "Hi"}]
        )
    with pytest.raises(openai.AuthenticationError):
        client.with_options(api_key="wrong").models.list()
