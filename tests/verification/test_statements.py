"""Every sentence of an answer has a verdict."""

from docmind.events import Verdict
from docmind.verification.citations import citations_answer_question, misses_question
from docmind.verification.sentences import answer_sentences
from docmind.verification.statements import check_answer
from tests.passages import numbered

SUPPORTED = Verdict.SUPPORTED
CONTRADICTED = Verdict.CONTRADICTED
NOT_FOUND = Verdict.NOT_FOUND
NO_STATEMENT = Verdict.NO_STATEMENT

LEASE = (
    "The rent for Harbour House is EUR 9,500 per month. The lease begins on 15 March 2024 and has "
    "a term of 60 months. Either party may end it with six months' notice. The tenant must insure "
    "the building. All windows are cleaned by the landlord. Keys are returned before the last day."
)


def passage(text, number=1, *, file_name="a.pdf", page=None, **fields):
    return numbered(number, f"p{number}", f"d{number}", file_name, text, page=page, **fields)


def verdicts(question, answer, *texts):
    passages = [passage(text, number) for number, text in enumerate(texts, start=1)]
    return [found.verdict for found in check_answer(question, answer, passages).statements]


def verdict(answer, text=LEASE, question=""):
    (found,) = verdicts(question, answer, text)
    return found


# The rows of the table


def test_figures_of_a_contract_that_are_not_its_own_do_not_pass():
    assert verdict("The rent for Harbour House is EUR 114,000 per month.") is CONTRADICTED
    assert verdict("Either party may end it with 24 months' notice.") is CONTRADICTED


def test_a_sum_that_no_passage_has_is_not_found():
    sheet = "Item | EUR\nPaper | 1,200\nDesks | 4,862\nLamps | 2,500"
    assert verdict("The total is 29 thousand EUR.", sheet) in (NOT_FOUND, CONTRADICTED)


def test_a_plain_sentence_without_a_mark_is_checked_too():
    assert verdict("The document is 140 hours long.") in (NOT_FOUND, CONTRADICTED)


def test_a_sentence_about_a_passage_supports_nothing():
    answer = (
        "The capital of Mongolia is Ulaanbaatar [1]. "
        "This information is found in the passage about the capital of Citigroup, which is [1]."
    )
    found = verdicts(
        "What is the capital of Mongolia?", answer, "The capital of Citigroup grew by 5%."
    )
    assert found == [NOT_FOUND, NO_STATEMENT]


def test_a_mark_in_place_of_the_thing_is_no_statement():
    question = "And what about the Harbour one?"
    answer = "The Harbour one is [1]."
    assert verdict(answer, question=question) is NO_STATEMENT
    (citation,) = check_answer(question, answer, [passage(LEASE)]).citations
    assert not citation.supported


def test_a_number_where_a_name_is_wanted_is_no_statement():
    text = "The method of Adam Weber has a rate of 10."
    question = "Which method has the lowest rate?"
    assert verdict("10 [1]", text, question) is NO_STATEMENT
    assert verdict("10.", "Nothing.", question) is NO_STATEMENT


def test_the_number_of_a_page_is_no_evidence():
    source = passage("The method is that of Weber.", file_name="10 ways.pdf", page=10)
    checked = check_answer("", "The method has 10 steps [1].", [source])
    assert checked.statements[0].verdict is not SUPPORTED


def test_an_echo_of_the_question_is_no_statement():
    question = "What is the paper that proposes the optimizer?"
    assert verdict("The paper that proposes the optimizer is [1].", question=question) is (
        NO_STATEMENT
    )
    assert verdict("It is the paper that proposes the optimizer.", question=question) is (
        NO_STATEMENT
    )


def test_a_count_is_compared_with_one_passage_at_a_time():
    texts = [f"Branch {name} has {count} desks." for count, name in enumerate("ABCDE", start=11)]
    answer = "Branch A has {} desks [1][2][3][4][5]."
    assert verdicts("", answer.format(11), *texts) == [SUPPORTED]
    for wrong in (12, 13, 14, 15):
        assert verdicts("", answer.format(wrong), *texts) != [SUPPORTED]


# Values and words that turn a sentence


def test_values_are_compared_in_any_notation():
    assert verdict("The lease begins on 2024-03-15 [1].") is SUPPORTED
    assert verdict("The lease begins on 15.03.2024 and has a term of five years.") is SUPPORTED
    assert verdict("The rent for Harbour House is GBP 9,500 per month.") is CONTRADICTED
    assert verdict("The lease begins on 16 March 2024.") is CONTRADICTED


def test_words_that_turn_a_sentence_count():
    assert verdict("The tenant may insure the building.") is CONTRADICTED
    assert verdict("Some windows are cleaned by the landlord.") is CONTRADICTED
    assert verdict("Keys are returned after the last day.") is CONTRADICTED
    assert verdict("The tenant must not insure the building.") is CONTRADICTED
    assert verdict("The tenant must insure the building.") is SUPPORTED


def test_a_short_answer_is_checked_with_its_question():
    text = (
        "The hall was opened in 1921. The architect of the hall was Mina Okafor. "
        "The tower was built by Jonas Weber and is 40 m high."
    )
    question = "Who was the architect of the hall?"
    assert verdict("Mina Okafor [1]", text, question) is SUPPORTED
    assert verdict("Jonas Weber [1]", text, question) is NOT_FOUND
    assert verdict("40 m", text, "How high is the tower?") is SUPPORTED
    assert verdict("1921", text, "How high is the tower?") is NOT_FOUND


def verdict_under(question, answer, text, nearness=lambda _text, _others: 0.0, **fields):
    (found,) = check_answer(question, answer, [passage(text, **fields)], nearness).statements
    return found.verdict


def test_a_heading_says_what_the_sentences_under_it_are_about():
    text = "Press Create. It is shown once."
    question = "How do I make a key?"
    assert verdict_under(question, "Press Create.", text, heading="Make a key") is SUPPORTED
    assert verdict_under(question, "Press Create.", text, heading="Billing") is NOT_FOUND


def test_a_heading_does_not_lend_its_words_to_another_answer():
    text = "The hall was opened in 1921. The architect of the hall was Mina Okafor."
    question = "Who was the architect of the hall in Porto?"
    heading = "Halls of Porto"
    assert verdict_under(question, "Mina Okafor", text, heading=heading) is SUPPORTED
    other = "Jonas Weber sold the tickets. The architect of the hall was Mina Okafor."
    assert verdict_under(question, "Jonas Weber", other, heading=heading) is NOT_FOUND


def test_a_row_is_read_below_the_head_of_its_table():
    rows = "Role | Hourly rate\nTechnician | EUR 90\nEngineer | EUR 140"
    question = "What is the hourly rate of an engineer?"
    assert verdict_under(question, "EUR 140", rows, table=True) is SUPPORTED
    assert verdict_under(question, "EUR 90", rows, table=True) is NOT_FOUND


def test_an_answer_in_other_words_than_its_question_is_compared_by_meaning(embedder):
    question = "When can I leave?"
    answer = "After three months."
    notice = "The notice period is three months."
    assert verdict_under(question, answer, notice, embedder.nearness) is SUPPORTED
    rent = "The rent is due every three months."
    assert verdict_under(question, answer, rent, embedder.nearness) is NOT_FOUND


def test_a_sentence_with_an_unknown_verb_is_no_short_answer():
    text = "The lift of building 3 was inspected by Adams. Cost of the repair: EUR 204."
    question = "What did the repair of the lift of building 3 cost?"
    assert (
        verdict("The repair of the lift of building 3 cost EUR 204.", text, question) is SUPPORTED
    )
    assert verdict("The repair of the lift of building 3 cost EUR 402.", text, question) is not (
        SUPPORTED
    )


def test_a_clause_need_not_say_the_names_that_its_contract_has_once():
    parties = passage("This agreement is made between Harbour Foods plc and Brightcode Ltd.", 1)
    clause = numbered(2, "p2", "d1", "a.pdf", "Either party may end it with six weeks' notice.")
    other = passage("Either party may end it with six weeks' notice.", 3)
    question = "How long is the notice of Harbour Foods plc?"
    answer = "The notice of Harbour Foods plc is six weeks."

    def judged(*sources):
        (found,) = check_answer(question, answer, sources).statements
        return found.verdict

    assert judged(parties, clause) is SUPPORTED
    assert judged(parties, other) is NOT_FOUND
    (found,) = check_answer(
        question, "Harbour Foods plc has six employees.", [parties, clause]
    ).statements
    assert found.verdict is not SUPPORTED


def test_a_statement_by_itself_may_name_a_party_that_its_clause_does_not():
    parties = passage("This agreement is made between Harbour Foods plc and Brightcode Ltd.", 1)
    text = "Either party may terminate with six weeks' written notice."
    clause = numbered(2, "p2", "d1", "a.pdf", text)

    def verdict_of(statement):
        checked = check_answer("", f"{statement} [2]", [parties, clause], lambda *_: 0.75)
        return checked.statements[0].verdict

    assert verdict_of("Harbour Foods plc may terminate with six weeks notice.") is SUPPORTED
    assert verdict_of("Harbour Foods plc may terminate with two weeks notice.") is CONTRADICTED
    assert verdict_of("Northwind GmbH may terminate with six weeks notice.") is NOT_FOUND


def test_a_companys_name_may_end_a_sentence():
    answer = "It was made by Brightcode Ltd. The rent is EUR 1. Brightcode Ltd. pays it."
    assert [found.text for found in answer_sentences(answer)] == [
        "It was made by Brightcode Ltd.",
        "The rent is EUR 1.",
        "Brightcode Ltd. pays it.",
    ]


# What is no statement


def test_headings_greetings_questions_and_refusals_state_nothing():
    answer = (
        "## Rent\n\nSure, here is what I found:\n\n**Term**\n"
        "- The lease has a term of 60 months.\n\n"
        "The documents do not say who pays for water. Shall I look further?\n"
        "```\nrent = 5\n```\n"
    )
    assert verdicts("", answer, LEASE) == [
        NO_STATEMENT,
        NO_STATEMENT,
        NO_STATEMENT,
        SUPPORTED,
        NO_STATEMENT,
        NO_STATEMENT,
    ]


def test_rows_of_a_table_are_statements_its_head_is_none():
    answer = "| What | How much |\n| --- | --- |\n| Rent | EUR 9,500 |\n| Term | 70 months |\n"
    checked = check_answer("", answer, [passage("Rent: EUR 9,500 a month. Term: 60 months.")])
    assert [found.verdict for found in checked.statements] == [
        NO_STATEMENT,
        SUPPORTED,
        CONTRADICTED,
    ]
    assert checked.text == answer


def test_abbreviations_and_decimal_points_end_no_sentence():
    answer = "Dr. Weber pays approx. 1.5 million, e.g. to Smith Ltd. in May. J. Ott pays nothing."
    assert [sentence.text for sentence in answer_sentences(answer)] == [
        "Dr. Weber pays approx. 1.5 million, e.g. to Smith Ltd. in May.",
        "J. Ott pays nothing.",
    ]
    german = "Er begann am 15. März 2024 und endet z. B. nie. Dann nicht."
    assert len(list(answer_sentences(german))) == 2


# Marks


def test_a_missing_mark_is_put_before_the_full_stop():
    checked = check_answer("", "The lease has a term of 60 months.", [passage(LEASE, 3)])
    assert checked.text == "The lease has a term of 60 months [3]."
    (statement,) = checked.statements
    assert statement.passages == (3,)
    assert statement.end == len(checked.text)
    assert [citation.number for citation in checked.citations] == [3]


def test_ends_of_sentences_are_those_of_the_answer_with_its_marks():
    answer = "The lease has a term of 60 months. Bananas are yellow. The rent is EUR 9,500 [2]."
    checked = check_answer("", answer, [passage(LEASE, 1)])
    ends = [checked.text[: found.end] for found in checked.statements]
    assert ends[0].endswith("60 months [1].")
    assert ends[1].endswith("Bananas are yellow.")
    assert ends[2] == checked.text


# The question


def test_a_true_sentence_that_shares_nothing_with_the_question_misses_it():
    question = "Who supplies the heating oil?"
    checked = check_answer(question, "The lease has a term of 60 months [1].", [passage(LEASE)])
    assert checked.statements[0].verdict is SUPPORTED
    assert misses_question(question, checked)
    assert not citations_answer_question(question, [passage(LEASE)], checked)
    assert not misses_question("What is the term of the lease?", checked)
