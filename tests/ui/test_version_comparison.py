from docmind.events import Statement, Verdict
from docmind.ui.version_comparison import compare


def stated(text, verdict=Verdict.SUPPORTED):
    return Statement(text=text, verdict=verdict)


def test_versions_are_compared_by_what_they_state_and_what_was_found_of_it():
    before = [
        stated("Prices", Verdict.NO_STATEMENT),
        stated("The fee is 5 euros."),
        stated("It rose."),
        stated("It falls.", Verdict.NOT_FOUND),
    ]
    after = [
        stated("The fee is 5  Euros"),
        stated("It rose.", Verdict.CONTRADICTED),
        stated("It will stay."),
    ]
    found = []
    for change in compare(before, after):
        old = change.before and change.before.text
        new = change.after and change.after.text
        found.append((old, new, change.is_same))
    assert found == [
        ("The fee is 5 euros.", "The fee is 5  Euros", True),
        ("It rose.", "It rose.", False),
        ("It falls.", None, False),
        (None, "It will stay.", False),
    ]


def test_versions_that_were_not_checked_have_no_changes():
    assert compare([], [stated("Hello", Verdict.NO_STATEMENT)]) == []
