from docmind.verification.sentences import CitedSentence, cited_sentences, expand, stretches


def test_marks_in_all_their_forms():
    answer = (
        "Revenue grew. [1] Profit too [1, 2]. Both [1][3].\n"
        "- A point [2-3]\n"
        "1. Numbered【no】 [2]\n"
        "Not `x[1]` but this [3].\n"
        "```\na[1]\n```\n"
        "See [1](http://x) or [foo]."
    )
    found = [(sentence.text, sentence.numbers) for sentence in cited_sentences(answer)]
    assert found == [
        ("Revenue grew.", (1,)),
        ("Profit too.", (1, 2)),
        ("Both.", (1, 3)),
        ("A point", (2, 3)),
        ("Numbered【no】", (2,)),
        ("Not `x[1]` but this.", (3,)),
    ]


def test_a_mark_alone_belongs_to_the_sentence_before():
    found = list(cited_sentences("The sky is blue.\n[1]"))
    assert found == [CitedSentence(text="The sky is blue.", numbers=(1,), marks=((17, 20),))]


def test_a_mark_may_span_some_numbers_but_not_all():
    assert list(expand("1, 3-5")) == [1, 3, 4, 5]
    assert list(expand("2;4")) == [2, 4]
    assert list(expand("5-3")) == []
    assert list(expand("1-999")) == list(range(1, 22))


def test_a_passage_is_compared_by_sentences_and_pairs_of_them():
    text = "It grew. It fell.\n- A point"
    assert stretches(text) == [
        "It grew.",
        "It fell.",
        "- A point",
        "It grew. It fell.",
        "It fell. - A point",
    ]
    assert stretches(text, pairs=False) == ["It grew.", "It fell.", "- A point"]
    assert stretches("") == [""]
