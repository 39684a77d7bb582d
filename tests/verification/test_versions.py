"""Two versions of a document are laid side by side: no difference is missed, none is made up."""

import random

from docmind.passages import Passage
from docmind.verification.versions import lay_side_by_side


def document(name, text, page=None):
    return [Passage(id=name, document_id=name, file_name=name, text=text, page=page, end=len(text))]


def told(versions):
    found = []
    for difference in versions.differences:
        before = difference.before.words if difference.before else ""
        after = difference.after.words if difference.after else ""
        found.append((difference.label, before, after))
    return found


def test_a_changed_an_added_and_a_removed_sentence_are_told_under_their_headings():
    old = (
        "# Rent\n\nThe rent is EUR 950 a month. It is due on the third.\n\n# Pets\n\nDogs may stay."
    )
    new = old.replace("950", "990").replace("Pets\n\nDogs may stay.", "Garden\n\nMow it weekly.")
    versions = lay_side_by_side(document("old.md", old), document("new.md", new))
    assert told(versions) == [
        ("Rent", "The rent is EUR 950 a month.", "The rent is EUR 990 a month."),
        ("Pets", "Dogs may stay.", ""),
        ("Garden", "", "Mow it weekly."),
    ]
    assert versions.are_alike


def test_a_sentence_without_a_heading_is_called_by_its_first_words():
    versions = lay_side_by_side(
        document("old.txt", "The club meets on the first Monday of a month. Bring tea."),
        document("new.txt", "The club meets on the second Monday of a month. Bring tea."),
    )
    assert [difference.label for difference in versions.differences] == ["The club meets on the …"]


def test_several_differences_under_one_heading_are_numbered():
    old = "# Fees\n\nAdults pay 10 euros a year. Children pay 5 euros a year. Dogs are free."
    new = "# Fees\n\nAdults pay 12 euros a year. Children pay 6 euros a year. Dogs are free."
    versions = lay_side_by_side(document("old.md", old), document("new.md", new))
    assert [label for label, _, _ in told(versions)] == ["Fees", "Fees (2)"]


def test_documents_of_their_own_are_no_versions():
    versions = lay_side_by_side(
        document("lease.md", "The rent is EUR 950 a month. Pets are not allowed in the flat."),
        document("note.md", "The boiler was repaired in May. Mr Adams inspected the roof."),
    )
    assert not versions.are_alike


def test_the_same_text_has_no_difference():
    text = "The rent is EUR 950 a month. Pets are not allowed."
    versions = lay_side_by_side(document("a.md", text), document("b.md", text))
    assert versions.differences == ()
    assert versions.shared == 1


def test_every_changed_number_among_many_sentences_is_found():
    pick = random.Random(4)
    for _ in range(20):
        amounts = [pick.randint(100, 999) for _ in range(40)]
        changed = sorted(pick.sample(range(40), 5))
        later = list(amounts)
        for place in changed:
            later[place] += 1000
        old = " ".join(f"Item {n} of the list costs {a} euros." for n, a in enumerate(amounts))
        new = " ".join(f"Item {n} of the list costs {a} euros." for n, a in enumerate(later))
        versions = lay_side_by_side(document("old.md", old), document("new.md", new))
        assert [(before, after) for _, before, after in told(versions)] == [
            (
                f"Item {place} of the list costs {amounts[place]} euros.",
                f"Item {place} of the list costs {later[place]} euros.",
            )
            for place in changed
        ]
