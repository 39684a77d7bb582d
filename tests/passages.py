"""Passages for tests."""

from docmind.passages import NumberedPassage, Passage


def numbered(number: int, passage_id: str, document_id: str, file_name: str, text: str, **fields):
    """Return a passage under a number; `fields` are more of Passage's."""
    passage = Passage(
        id=passage_id, document_id=document_id, file_name=file_name, text=text, **fields
    )
    return NumberedPassage(number=number, passage=passage)
