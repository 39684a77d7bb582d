"""The self-test's checks can fail, and the prefix measurement counts right."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.lab import Memory
from benchmarks.prefix import divergence
from benchmarks.selftest import REQUESTS, grounded, long_document
from tests.engines import PromptedEngine

DOCUMENT = (
    "The harbour authority reports that container traffic doubled while storage charges remained constant. "
    * 40
)


def replies(value):
    texts = [value if schema["type"] == "string" else [value] * 3 for _, _, schema in REQUESTS]
    return [json.dumps({name: text}) for (name, _, _), text in zip(REQUESTS, texts, strict=True)]


def checks(texts, wanted=570):
    engine = PromptedEngine(list(texts), window=8192)
    with Memory() as memory:
        found, _ = long_document(engine, DOCUMENT, memory, {}, wanted)
    return {check.what.split(" of ")[0]: check.passed for check in found}


def test_an_answer_from_the_document_passes():
    found = checks(replies("Container traffic doubled while storage charges remained constant."))
    assert all(found.values()), found


@pytest.mark.parametrize(
    "texts", [replies("Lighthouse keepers wander through enchanted forests."), ["{", "[]", "{}"]]
)
def test_nonsense_and_broken_json_fail(texts):
    found = checks(texts)
    assert not any(found[name] for name, _, _ in REQUESTS)


def test_a_document_that_is_too_short_fails():
    assert not checks(replies("Container traffic doubled."), 8192)[
        "the document is as long as it should be"
    ]


def test_words_count_as_the_documents_in_other_inflections_too():
    assert grounded("reporting containers", DOCUMENT) == 1.0
    assert grounded("", DOCUMENT) == 0.0


@given(
    st.lists(st.lists(st.integers(0, 2), max_size=8), max_size=5),
    st.lists(st.integers(0, 2), max_size=8),
)
def test_what_a_prompt_shares_is_its_longest_common_beginning(earlier, prompt):
    shared = divergence(prompt, earlier)
    assert any(prompt[:shared] == other[:shared] for other in earlier) or shared == 0
    assert not any(
        prompt[: shared + 1] == other[: shared + 1] for other in earlier if shared < len(prompt)
    )
