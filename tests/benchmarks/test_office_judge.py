import pytest

from benchmarks.office_judge import Expected, Verdict, judge
from docmind.events import Citation, TurnFinished, Usage

NOT_FOUND = "Not found in your documents."
FEE = Expected(must=("4,750",), never=("3,900",))
ABSENT = Expected(refuse=True)


def finished(answer, citations=(), notices=()):
    return TurnFinished(
        conversation_id="c",
        turn_id="t",
        answer=answer,
        sources=(),
        citations=tuple(citations),
        usage=Usage(),
        notices=tuple(notices),
    )


def unsupported(sentence):
    return Citation(number=1, sentence=sentence, supported=False)


def verdict(expected, answer, question="What is the fee?", citations=(), notices=()):
    return judge(question, expected, finished(answer, citations, notices)).verdict


def test_a_right_answer_has_all_that_it_must_and_nothing_that_it_must_not():
    assert verdict(FEE, "The fee is EUR 4,750. [1]") is Verdict.RIGHT
    assert verdict(FEE, "The fee is **EUR 4,750**, formerly 3,900. [1]") is Verdict.SILENT
    both = Expected(must=("six[ -]weeks", "three[ -]months"))
    assert verdict(both, "| Harbour | Six\u2011weeks |\n| Northwind | three  months |") == "right"
    assert judge("?", both, finished("six weeks")).missing == ("three[ -]months",)


def test_a_wrong_answer_is_silent_unless_something_says_that_it_may_be_wrong():
    wrong = "The fee is EUR 500."
    assert verdict(FEE, wrong) is Verdict.SILENT
    supported = Citation(number=1, sentence=wrong, supported=True)
    assert verdict(FEE, f"{wrong} [1]", citations=[supported]) is Verdict.SILENT
    assert verdict(FEE, f"{wrong} [1]", citations=[unsupported(wrong)]) is Verdict.MARKED
    assert verdict(FEE, wrong, notices=["The answer was cut."]) is Verdict.MARKED
    assert verdict(FEE, f"{wrong}\n\n{NOT_FOUND}") is Verdict.MARKED


def test_a_mark_or_a_part_s_heading_is_no_answer():
    eight = Expected(must=(r"\b8\b",))
    assert verdict(eight, "Seven monitors were bought. [8]") is Verdict.SILENT
    assert verdict(eight, "**Were 8 bought?**\n\nSeven were bought.") is Verdict.SILENT
    assert verdict(eight, "**8**") is Verdict.RIGHT


def test_a_refusal_is_no_answer_where_the_documents_have_one():
    no = Expected(must=(r"\b(no|not)\b",))
    assert verdict(no, NOT_FOUND) is Verdict.REFUSED_WRONGLY
    assert verdict(FEE, "The fee of Ltd. is not mentioned in the passages.") == "refused_wrongly"
    assert verdict(Expected(), NOT_FOUND) is Verdict.REFUSED_WRONGLY
    assert verdict(Expected(), "You are welcome!") is Verdict.RIGHT


def test_a_sentence_with_a_number_of_its_own_is_no_refusal():
    limit = Expected(must=("100,000",))
    answer = "No, the agreement does not mention EUR 250,000 but EUR 100,000. [1]"
    assert verdict(limit, answer, "Is it limited to EUR 250,000?") is Verdict.RIGHT


@pytest.mark.parametrize(
    "answer",
    [
        NOT_FOUND,
        "The passages do not mention the CEO of Brightcode Ltd. [2]",
        "There is no document of this name; near it: report-2030.pdf.",
        "Das ist in den Dokumenten nicht angegeben.",
        "[1]",
    ],
)
def test_nothing_is_claimed_by_a_refusal(answer):
    assert verdict(ABSENT, answer) is Verdict.RIGHT


def test_what_is_claimed_all_the_same_is_wrong_unless_all_of_it_is_marked():
    first = "The CEO is J. Smith."
    second = "She has 40 employees."
    assert verdict(ABSENT, first) is Verdict.SILENT
    assert verdict(ABSENT, f"{NOT_FOUND} {first}") is Verdict.MARKED
    answer = f"{first} [1] {second} [1]"
    assert verdict(ABSENT, answer, citations=[unsupported(second)]) is Verdict.MARKED
    both = [unsupported(first), unsupported(second)]
    assert verdict(ABSENT, answer, citations=both) is Verdict.RIGHT
    smith = Expected(never=("Smith",), refuse=True)
    assert verdict(smith, answer, citations=both) is Verdict.MARKED
