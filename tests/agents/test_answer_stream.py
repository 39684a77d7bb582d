from hypothesis import given
from hypothesis import strategies as st

from docmind.agents.answer_stream import AnswerStream
from docmind.agents.refusals import NOT_FOUND
from docmind.phrases import ENGLISH


def stream(*tasks):
    emitted = []
    made = AnswerStream(
        lambda run, text, channel: emitted.append((run, text, channel == "answer")),
        lambda run, text: text.replace("[1]", f"[{run}]"),
    )
    made.expect_parts(len(tasks))
    for number, task in enumerate(tasks, 1):
        made.add_part(task)
        made.begin(str(number), task)
    return made, emitted


def answer(emitted):
    return "".join(text for _, text, in_answer in emitted if in_answer)


def test_a_single_part_is_passed_on_as_it_is_written():
    made, emitted = stream("Pets?")
    for piece in ("No pets ", "[", "1", "]", "."):
        made.write("1", piece)
    assert answer(emitted) == "No pets [1]."  # a mark is never told in halves
    assert [t for _, t, _ in emitted] == ["No pets ", "[1]", "."]
    made.end("1", "No pets [1].")
    assert answer(emitted) == made.text() == "No pets [1]."


def test_the_second_part_waits_for_the_first_and_shows_as_its_own_work_meanwhile():
    made, emitted = stream("A?", "B?")
    made.write("2", "bbb [1]")
    assert (answer(emitted), emitted) == ("", [("2", "bbb [2]", False)])
    made.write("1", "aaa")
    made.end("1", "aaa")
    assert answer(emitted) == "**A?**\n\naaa\n\n**B?**\n\nbbb [2]"
    made.end("2", "bbb [2] more")
    assert answer(emitted) == made.text() == "**A?**\n\naaa\n\n**B?**\n\nbbb [2] more"


def test_a_part_that_failed_is_said_in_its_place():
    made, emitted = stream("A?", "B?")
    made.end("1", "")
    made.end("2", "bbb")
    assert answer(emitted) == made.text() == f"**A?**\n\n{ENGLISH.part_failed}\n\n**B?**\n\nbbb"


def test_a_refusal_is_not_told_before_the_part_ends_and_what_is_tried_after_it_never():
    made, emitted = stream("Pets?")
    made.write("1", "Not found in ")
    made.write("1", "your documents.")
    made.close("1")
    made.write("1", "Pets are purple.")
    assert (emitted, made.text()) == ([], NOT_FOUND)  # what a stop would leave
    made.end("1", "No pets.")
    assert answer(emitted) == made.text() == "No pets."


@given(st.permutations([(run, i) for run in "123" for i in range(4)]), st.permutations("123"))
def test_whatever_the_order_of_pieces_the_answer_is_told_whole_and_in_the_plans_order(pieces, ends):
    made, emitted = stream("A?", "B?", "C?")
    written = dict.fromkeys("123", "")
    for run, i in pieces:
        made.write(run, f"w{i} ")
        written[run] += f"w{i} "
    for run in ends:
        made.end(run, written[run])
    assert (
        answer(emitted)
        == made.text()
        == "\n\n".join(
            f"**{t}**\n\n{written[r]}" for r, t in zip("123", ("A?", "B?", "C?"), strict=True)
        )
    )
