from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

from docmind.context.trimming import NOTICE, Budget, fit, split_turns


def count(messages):
    return sum(len(str(m.content).split()) + 4 for m in messages)


words = st.integers(1, 400).map(lambda n: "word " * n)


@st.composite
def turns(draw):
    """One turn: a question, maybe a tool call with its result, an answer."""
    messages = [HumanMessage(draw(words))]
    if draw(st.booleans()):
        call = {"name": "search", "args": {}, "id": "1"}
        messages += [AIMessage("", tool_calls=[call]), ToolMessage(draw(words), tool_call_id="1")]
    return [*messages, AIMessage(draw(words))]


conversations = st.builds(
    lambda past, question: [
        SystemMessage("rules"),
        *(m for t in past for m in t),
        HumanMessage(question),
    ],
    st.lists(turns(), max_size=12),
    words,
)


def budget_of(window, reserve):
    return Budget(window=window, reserve=reserve, threshold=0.9, low_water=0.7)


budgets = st.integers(500, 4000).map(lambda window: budget_of(window, reserve=64))


@st.composite
def agents_at_work(draw):
    """An agent's prompt in the middle of its loop.

    Earlier agents' handoffs, a task, tool calls with their results.
    """
    messages = [SystemMessage("rules"), HumanMessage("the question")]
    for earlier in range(draw(st.integers(0, 3))):
        call = {"name": "transfer", "args": {}, "id": f"handoff-{earlier}"}
        messages += [
            AIMessage("", tool_calls=[call]),
            ToolMessage("Handed over.", tool_call_id=call["id"]),
        ]
    messages.append(HumanMessage("the task", name="supervisor"))
    for step in range(draw(st.integers(1, 6))):
        ids = [f"{step}-{i}" for i in range(draw(st.integers(1, 2)))]
        messages.append(
            AIMessage("", tool_calls=[{"name": "search", "args": {}, "id": i} for i in ids])
        )
        ends = draw(st.sampled_from(["", "\n</passages>", "\n</passages>\nThe search found: [3]"]))
        messages += [
            ToolMessage(
                draw(st.integers(1, 6000).map(lambda n: "word " * n)) + ends, tool_call_id=i
            )
            for i in ids
        ]
    return messages


@given(agents_at_work(), budgets)
def test_an_agents_prompt_fits_and_keeps_task_and_pairs_however_much_it_read(messages, budget):
    fitted = fit(messages, count, budget)
    kept = fitted.messages
    assert count(kept) <= budget.limit
    task = messages.index(HumanMessage("the task", name="supervisor"))
    assert kept[: task + 1] == messages[: task + 1]
    asked = [c["id"] for m in kept if isinstance(m, AIMessage) for c in m.tool_calls]
    assert asked == [
        m.tool_call_id for m in kept if isinstance(m, ToolMessage)
    ]  # in order, none orphaned
    assert "0-0" in asked  # what was found first
    assert asked[-1] == messages[-1].tool_call_id  # what was asked for last
    assert bool(fitted.dropped) == fitted.changed
    again = fit(kept, count, budget)
    assert (again.messages, again.changed) == (kept, False)


@given(agents_at_work(), budgets)
def test_shortened_data_keeps_the_delimiter_that_closes_it(messages, budget):
    given = {m.tool_call_id: m for m in messages if isinstance(m, ToolMessage)}
    for kept in fit(messages, count, budget).messages:
        if isinstance(kept, ToolMessage):
            closed = "\n</passages>" in str(given[kept.tool_call_id].content)
            assert ("\n</passages>" in str(kept.content)) == closed


@given(conversations, budgets)
def test_what_the_model_sees_fits_and_keeps_rules_and_question(messages, budget):
    fitted = fit(messages, count, budget)
    assert count(fitted.messages) <= budget.limit
    assert fitted.tokens_after == count(fitted.messages)
    assert fitted.messages[0] == messages[0]
    assert fitted.messages[-1] == messages[-1]


@given(conversations, budgets)
def test_tool_calls_are_never_parted_from_their_results(messages, budget):
    kept = fit(messages, count, budget).messages
    for i, message in enumerate(kept):
        if isinstance(message, ToolMessage):
            assert kept[i - 1].tool_calls


@given(conversations, budgets)
def test_the_given_conversation_is_untouched_and_a_second_fit_changes_nothing(messages, budget):
    before = [m.model_copy(deep=True) for m in messages]
    fitted = fit(messages, count, budget)
    assert messages == before
    again = fit(fitted.messages, count, budget)
    assert again.messages == fitted.messages
    assert not again.changed


@given(conversations, budgets)
def test_only_the_oldest_turns_go_and_the_cut_is_told(messages, budget):
    fitted = fit(messages, count, budget)
    _, all_turns = split_turns(messages)
    _, kept_turns = split_turns(fitted.messages)
    assert kept_turns == all_turns[fitted.dropped_turns :]
    assert fitted.changed == (fitted.tokens_before > budget.limit)
    assert bool(fitted.dropped) == fitted.changed


def test_a_cut_goes_down_to_the_low_water_mark():
    history = [HumanMessage("q " * 50), AIMessage("a " * 50)] * 20
    fitted = fit([*history, HumanMessage("now?")], count, budget_of(2000, reserve=100))
    assert fitted.tokens_after <= 0.7 * 2000


def test_a_tool_result_that_alone_is_too_long_is_shortened_with_a_notice():
    call = {"name": "read", "args": {}, "id": "1"}
    messages = [
        SystemMessage("rules"),
        HumanMessage("sum it up"),
        AIMessage("", tool_calls=[call]),
        ToolMessage("word " * 5000, tool_call_id="1"),
    ]
    fitted = fit(messages, count, budget_of(1000, reserve=100))
    assert fitted.tokens_after <= 700
    assert str(fitted.messages[-1].content).endswith(NOTICE)
    assert fitted.dropped == "parts of 1 tool result"
