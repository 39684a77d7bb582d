from collections import Counter

from benchmarks.questions import load_multipart, load_routing, unfounded_facts
from benchmarks.scoring import fact_score, has_fact
from docmind.agents.plan import Own
from docmind.agents.team import TEAM
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


def test_every_message_says_what_should_become_of_it():
    messages = load_routing()
    assert len(messages) == len({message["id"] for message in messages}) == 200
    texts = {f"{message['message']} {message.get('history')}" for message in messages}
    assert len(texts) == 200
    halves = Counter(message["half"] for message in messages)
    assert halves == {"choosing": 80, "reporting": 120}
    agents = {agent.name for agent in TEAM}
    for message in messages:
        assert set(message["agents"]) <= agents
        assert not message["tools"] or len(message["tools"]) == len(message["agents"])
        assert bool(message["agents"]) != (message.get("reply") in [*Own]), message["id"]


def test_every_gold_fact_stands_where_it_is_said_to_stand():
    assert unfounded_facts(find_shared_data()) == []
