from benchmarks.questions import AGENTS, load_multipart, load_routing, unfounded_facts
from benchmarks.scoring import fact_score, has_fact
from tests.parts import find_shared_data


def test_an_answer_has_a_fact_only_as_whole_words():
    assert has_fact("It was introduced in **1964**. [1]", ["1964"])
    assert has_fact("A speed-up of 2\u00d7 was measured.", ["2x"])
    assert has_fact("Revenue was $2,400.", ["2400"])
    assert not has_fact("It was introduced in 11964.", ["1964"])
    assert not has_fact("The fee was cut. [8]", ["8"])
    assert not has_fact("The statement is incorrect.", ["correct"])


def test_no_question_gives_its_own_answer_away():
    for question in load_multipart()["questions"]:
        for part in question["parts"]:
            assert fact_score(question["message"], [part]) == 0, question["id"]
            right_answer = " ".join(gold["any_of"][0] for gold in part["gold"])
            assert fact_score(right_answer, [part]) == 1


def test_every_message_has_one_set_of_tools_per_task():
    messages = load_routing()
    assert len(messages) == len({message["message"] for message in messages}) == 50
    for message in messages:
        assert len(message["tools"]) == len(message["agents"])
        assert set(message["agents"]) <= set(AGENTS.values())


def test_every_gold_fact_stands_where_it_is_said_to_stand():
    assert unfounded_facts(find_shared_data()) == []
