"""Whole turns with the real engine.

What is shown is what the engine counted, and nothing is cut in silence.
"""

import pytest

from benchmarks.tokens import KeptEngine
from docmind.app import build_app
from docmind.events import ContextTrimmed, TokenDelta, TurnFinished
from docmind.storage.settings import load_settings

pytestmark = pytest.mark.engine


class Watched(KeptEngine):
    """The shared engine; remembers what each request was said to cost before it ran, and what it
    cost."""

    def __init__(self, engine):
        super().__init__(engine)
        self.before = []
        self.after = []
        self.tightest = 1 << 30

    def stream(self, messages, *, tools=(), max_tokens, on_end=None, **options):
        tokens = self.count_tokens(messages, tools)
        self.before.append(tokens)
        self.tightest = min(self.tightest, self.status().window - tokens - max_tokens)

        def ended(usage):
            self.after.append(usage)
            if on_end:
                on_end(usage)

        return self.inner.stream(
            messages, tools=tools, max_tokens=max_tokens, on_end=ended, **options
        )

    async def choose(self, messages, choices, *, tools=(), on_end=None):
        self.before.append(self.count_tokens(messages, tools))

        def ended(usage):
            self.after.append(usage)
            if on_end:
                on_end(usage)

        return await self.inner.choose(messages, choices, tools=tools, on_end=ended)


@pytest.fixture
def make_app(engine, models_dir, minilm, tmp_path):
    """`make_app(**settings)` → an App over the shared engine with one document."""
    apps = []

    def make(**groups):
        settings = load_settings(
            data_dir=tmp_path / "data", llm={"max_answer_tokens": 48}, **groups
        )
        settings.data_dir.joinpath("models").symlink_to(models_dir)
        app = build_app(settings, engine=Watched(engine))
        app.documents.add_bytes(
            b"Pets are not allowed. The notice period is three months. " * 30, "lease.txt"
        )
        assert app.documents.wait(120)
        apps.append(app)
        return app

    yield make
    for app in apps:
        app.close()


def test_an_overflowing_conversation_is_cut_in_the_open_and_counted_exactly(make_app):
    app = make_app(agents={"enable_planning": True, "max_parallel_calls": 2, "max_steps": 2})
    conversation = app.conversations.create().id
    trims = []
    for i in range(5):
        app.engine.before.clear()
        app.engine.after.clear()
        question = f"Question {i}: are pets allowed? " + "Tell me about the notice. " * 55
        events = list(app.chat.stream(question, conversation))
        end = events[-1]
        assert isinstance(end, TurnFinished), end
        assert sorted(app.engine.before) == sorted(u.prompt_tokens for u in app.engine.after)
        assert end.usage.prompt_tokens == sum(u.prompt_tokens for u in app.engine.after)
        assert end.usage.completion_tokens == sum(u.completion_tokens for u in app.engine.after)
        assert end.usage.engine_calls == len(app.engine.after)
        trims += [e for e in events if isinstance(e, ContextTrimmed)]
    assert app.engine.tightest >= 0
    assert any("oldest turn" in t.dropped for t in trims)
    assert app.conversations.trims(conversation) == trims
    assert trims[-1].summary


def test_a_structured_answer_is_valid_by_grammar(make_app):
    # A model this small may take the question for small talk, which nothing is assessed of.
    app = make_app(agents={"output_mode": "structured", "enable_planning": False})
    [*_, end] = app.chat.stream("Are pets allowed?", app.conversations.create().id)
    assert isinstance(end, TurnFinished), end
    assert 0 <= end.confidence <= 1
    assert isinstance(end.open_points, str)


def test_stop_ends_all_agents_in_the_engine(make_app):
    app = make_app(agents={"enable_planning": True, "max_parallel_calls": 3})
    turn = app.chat.ask(
        "Are pets allowed? How long is the notice period? Who may live there?",
        app.conversations.create().id,
    )
    for event in turn.stream():
        if isinstance(event, TokenDelta):
            turn.stop()
            break
    assert turn.wait(10)
    end = turn.events()[-1]
    assert end.stopped
    assert end.usage.engine_calls == len(app.engine.after)
    [*_, after] = app.chat.stream("Are pets allowed?", turn.conversation_id)
    assert isinstance(after, TurnFinished), after
