"""The self-test's checks can fail."""

import json

import pytest

from docmind.measurement import make_record, reference_text
from docmind.monitor.memory import MemoryMonitor
from docmind.selftest import REQUESTS, SelftestReport, check_long_document, grounded_fraction
from tests.engines import PromptedEngine

SENTENCE = (
    "The harbour authority reports that container traffic doubled "
    "while storage charges remained constant. "
)
DOCUMENT = SENTENCE * 40


def replies(text):
    """Return a reply to each request that says `text`, in the form that it asks for."""
    found = []
    for request in REQUESTS:
        value = text if request.schema["type"] == "string" else [text] * 3
        found.append(json.dumps({request.name: value}))
    return found


def checks(texts, wanted_tokens=570):
    """Return what each check says when the engine replies with these texts."""
    engine = PromptedEngine(list(texts), window=8192)
    report = SelftestReport()
    with MemoryMonitor() as memory:
        check_long_document(engine, DOCUMENT, memory, wanted_tokens=wanted_tokens, report=report)
    return {check.what.split(" of ")[0]: check.passed for check in report.checks}


def test_an_answer_from_the_document_passes():
    found = checks(replies("Container traffic doubled while storage charges remained constant."))
    assert all(found.values()), found


@pytest.mark.parametrize(
    "texts", [replies("Lighthouse keepers wander through enchanted forests."), ["{", "[]", "{}"]]
)
def test_nonsense_and_broken_json_fail(texts):
    found = checks(texts)
    assert not any(found[request.name] for request in REQUESTS)


def test_a_document_that_is_too_short_fails():
    found = checks(replies("Container traffic doubled."), wanted_tokens=8192)
    assert not found["the document is as long as it should be"]


def test_words_count_as_the_documents_in_other_inflections_too():
    assert grounded_fraction("reporting containers", DOCUMENT) == 1.0
    assert grounded_fraction("", DOCUMENT) == 0.0


def test_a_record_says_where_and_on_what_it_was_measured():
    from docmind.hardware import detect

    record = make_record(
        command="docmind x", figures={"a.b": 1.23456}, notes="quiet", hardware=detect()
    )
    assert record["figures"] == {"a.b": 1.235}
    assert record["machine"]["cores"] >= 1
    assert record["commit"] != "unknown"
    assert record["notes"] == "quiet"


def test_the_reference_text_is_long_enough_for_any_window():
    assert len(reference_text().split()) > 60_000
