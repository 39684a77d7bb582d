"""Makes `data/docmind-0.1.0.tar.gz`: a data folder as version 0.1.0 wrote it.

Run by the code of that version (commit 63b6fc7), never by a later one:

    git worktree add --detach ../v010 63b6fc7
    cd ../v010 && PYTHONPATH=$PWD python ../main/tests/storage/make_0_1_0.py OUTPUT.tar.gz

Everything is real but the language model, whose words are given here. Models and logs are left out
because they are large or name the machine. The vectors are left out, too: Qdrant Edge preallocates
some 200 MB, and DocMind embeds again what the store lacks.
"""

import json
import sys
import tarfile
import tempfile
import time
from pathlib import Path

from docmind.engine.ladder import Ladder
from platformdirs import user_cache_path

from docmind.agents.planner import IN_FULL, NEW_MESSAGE
from docmind.app import build_app
from docmind.errors import EngineError
from docmind.events import TokenDelta
from docmind.settings import load_settings, save_settings
from tests.engines import PromptedEngine, asks_for_plan
from tests.samples import locked_pdf, write_pdf

HANDBOOK = (
    "# Time off\n\nEmployees get 25 days of paid vacation a year.\n\n"
    "# Laptops\n\nNew laptops are requested through the IT portal and arrive within two weeks.\n"
)
LEASE = "The lease runs for three years. Pets are not allowed. The notice period is three months.\n"
SEARCH_AGAIN = (
    '<tool_call>\n{"name": "search_documents", "arguments": {"query": "notice"}}\n</tool_call>'
)
LEFT_OUT = ("models", "logs", "lock", "vectors")


def plan(*tasks):
    questions = [{"question": question, "kind": kind} for question, kind in tasks]
    return json.dumps({"count": len(questions), "questions": questions})


def supervisor_or_agent(messages, constraint):
    """Answer as the supervisor, an agent, the assessment or the summary would."""
    asked = str(messages[-1]["content"]).rpartition(NEW_MESSAGE)[2].removesuffix(IN_FULL).strip()
    if asks_for_plan(constraint):
        if "vacation" in asked and "pets" in asked:
            return plan(("How many days of vacation?", "look_up"), ("Are pets allowed?", "check"))
        if "crash" in asked:
            raise EngineError("The engine died. Ask again.")
        return plan((asked[-80:], "look_up"))
    if constraint:
        return '{"support": 90, "open": "Whether cats count."}'
    if "new summary" in asked:
        return "The user asked about the notice period."
    if "notice" in asked and not any(m["role"] == "tool" for m in messages[-2:]):
        return f"I look for the notice period first.\n{SEARCH_AGAIN}"
    if "notice" in asked:
        return "The notice period is three months [3]. " + "answer " * 60
    if "vacation" in asked:
        return "Employees get 25 days of paid vacation a year [1]. They also get a car [1]."
    if "story" in asked:
        return "word " * 400
    return "Pets are not allowed [1]. " + "answer " * 60


def ask(app, conversation, question):
    turn = app.chat.ask(question, conversation)
    assert turn.wait(60)
    return turn.events()[-1]


def ask_and_stop(app, conversation, question):
    turn = app.chat.ask(question, conversation)
    for event in turn.stream():
        if isinstance(event, TokenDelta):
            turn.stop()
            break
    assert turn.wait(60)


def add_documents(app, scratch):
    handbook = app.documents.add_bytes(HANDBOOK.encode(), "handbook.md").document
    lease = app.documents.add_bytes(LEASE.encode(), "lease.txt").document
    app.documents.add(write_pdf(scratch / "observatory.pdf"))
    app.documents.add(locked_pdf(scratch / "secret.pdf"))
    app.documents.add_bytes(b"PK\x03\x04 not really", "broken.docx")
    assert app.documents.wait(120)
    long_text = "\n\n".join(f"Paragraph {i} tells of ship {i * 7}." for i in range(1500))
    ships = app.documents.add_bytes(long_text.encode(), "ships.txt").document
    app.documents.cancel(ships.id)
    assert app.documents.wait(120)

    contracts = app.collections.create("Contracts")
    app.collections.rename(1, "Everything else")
    gone = app.collections.create("Soon deleted")
    app.collections.delete(gone.id)
    app.collections.move(lease.id, contracts.id)
    app.collections.tag(lease.id, ["2026", "flat, rented", "Zürich"])
    app.collections.tag(handbook.id, ["staff"])
    return contracts


def talk(app, contracts):
    """Two conversations: one with all that an answer can have, one confined to a collection."""
    first = app.conversations.create().id
    ask(app, first, "How many vacation days do I get, and are pets allowed in the flat?")
    ask(app, first, "What is the notice period?")
    ask_and_stop(app, first, "Tell me a long story.")
    ask(app, first, "Does it crash?")
    second = app.conversations.create("The lease").id
    app.conversations.choose(second, [contracts.id])
    ask(app, second, "May I have a dog?")
    return second


def talk_until_trimmed(app, conversation):
    for _ in range(40):
        end = ask(app, conversation, "Something else about the lease " + "word " * 20)
        if end.trims:
            return
    raise AssertionError("never trimmed")


def main(output):
    models = user_cache_path("docmind") / "test-models"
    with tempfile.TemporaryDirectory() as scratch_name:
        scratch = Path(scratch_name)
        settings = load_settings(data_dir=scratch / "data")
        (settings.data_dir / "models").symlink_to(models)
        save_settings(
            settings.saved_file,
            {"llm": {"max_answer_tokens": 64}, "retrieval": {"top_k": 2, "neighbours": 1}},
        )
        save_settings(settings.saved_file, {"agents": {"output_mode": "structured"}})
        settings = load_settings(data_dir=scratch / "data")

        app = build_app(settings, engine=PromptedEngine(supervisor_or_agent, delay_s=0.005))
        contracts = add_documents(app, scratch)
        conversation = talk(app, contracts)
        app.close()
        time.sleep(0.1)
        app = build_app(settings, engine=PromptedEngine(supervisor_or_agent, window=1400))
        talk_until_trimmed(app, conversation)
        app.close()
        Ladder(settings, "a CPU, vLLM 0.32.0").worked((("weights", 1.5), ("warming up", 0.5)))

        vectors = sum(path.stat().st_size for path in settings.store_dir.rglob("*"))
        print(f"The vectors, left out, have {vectors / 1e6:.0f} MB.")
        with tarfile.open(output, "w:gz") as archive:
            for path in sorted(settings.data_dir.iterdir()):
                if path.name not in LEFT_OUT:
                    archive.add(path, path.name, filter=anonymous)


def anonymous(member):
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


if __name__ == "__main__":
    main(sys.argv[1])
