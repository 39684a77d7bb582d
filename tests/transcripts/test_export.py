"""Conversations as files: opened again with what reads such files."""

import json
import zipfile
from io import BytesIO

import docx
import pytest
from bs4 import BeautifulSoup

from docmind.events import Citation, Statement, Verdict
from docmind.question_scope import ChosenDocument, PageRange, QuestionScope
from docmind.storage.conversations import Conversation
from docmind.storage.messages import StoredMessage
from docmind.transcripts.export import ExportFormat, export_all, export_conversation, file_name
from tests.passages import numbered

ANSWER = """The fee is **5 euros** [1].

- paid by the month
  - in advance

| plan | month |
| --- | --- |
| basic | 5 |

```python
fee = 5
```

<img src="http://evil.example/x.png"> ![x](http://evil.example/y.png)"""
CONVERSATION = Conversation(
    id="c", title="Fees & <prices>", created_at="2026-01-01", updated_at="2026-01-01"
)


@pytest.fixture
def messages():
    pages = ChosenDocument(id="d", name="prices.pdf", pages=PageRange(first=2, last=3))
    source = numbered(
        1,
        passage_id="p",
        document_id="d",
        file_name="prices.pdf",
        text="The fee is 5 euros a month.\x0b",
        page=2,
    )
    answer = StoredMessage(
        role="assistant",
        text=ANSWER,
        sources=(source,),
        citations=(Citation(number=1, sentence="The fee is 5 euros.", supported=True),),
        statements=(Statement(text="The fee is 5 euros.", verdict=Verdict.SUPPORTED),),
        rating="up",
    )
    question = StoredMessage(
        role="user", text="What is the fee?", scope=QuestionScope(documents=(pages,))
    )
    return [question, answer]


def test_a_web_page_has_it_all_and_loads_nothing(messages):
    data = export_conversation(CONVERSATION, messages, ExportFormat.WEB_PAGE)
    page = BeautifulSoup(data, "html.parser")
    assert page.title.text == "Fees & <prices>"
    assert page.h2.text == "What is the fee?"
    assert "Asked of: prices.pdf p. 2-3" in page.text
    assert page.strong.text == "5 euros"
    assert [cell.text for cell in page.table.find_all("td")] == ["basic", "5"]
    assert "The fee is 5 euros a month." in page.blockquote.text
    assert page.find_all(["img", "script", "link", "iframe"]) == []


def test_a_word_file_has_it_all(messages):
    data = export_conversation(CONVERSATION, messages, ExportFormat.WORD)
    document = docx.Document(BytesIO(data))
    by_style = {}
    for paragraph in document.paragraphs:
        by_style.setdefault(paragraph.style.name, []).append(paragraph.text)
    assert by_style["Heading 1"] == ["Fees & <prices>"]
    assert by_style["Heading 2"] == ["What is the fee?"]
    assert by_style["List Bullet"] == ["paid by the month"]
    assert by_style["List Bullet 2"] == ["in advance"]
    assert by_style["Quote"] == ["The fee is 5 euros a month."]
    assert "fee = 5" in by_style["Normal"]
    bold = [run.text for p in document.paragraphs for run in p.runs if run.bold]
    assert "5 euros" in bold
    assert [cell.text for cell in document.tables[0].rows[1].cells] == ["basic", "5"]


def test_json_has_verdicts_and_what_was_asked_of(messages):
    data = json.loads(export_conversation(CONVERSATION, messages, ExportFormat.JSON))
    question, answer = data["messages"]
    assert question["scope"]["documents"][0]["pages"] == {"first": 2, "last": 3}
    assert answer["statements"][0]["verdict"] == "supported"
    assert answer["sources"][0]["passage"]["page"] == 2
    assert answer["rating"] == "up"


@pytest.mark.parametrize("kind", list(ExportFormat))
def test_all_conversations_are_one_archive(messages, kind):
    untitled = Conversation(id="d", title="", created_at="", updated_at="")
    data = export_all([(CONVERSATION, messages), (CONVERSATION, []), (untitled, [])], kind)
    with zipfile.ZipFile(BytesIO(data)) as archive:
        assert archive.namelist() == [
            f"001-fees-prices.{kind.value}",
            f"002-fees-prices.{kind.value}",
            f"003-conversation.{kind.value}",
        ]
        first = archive.read(archive.namelist()[0])
    assert file_name(CONVERSATION, kind) == f"fees-prices.{kind.value}"
    if kind is not ExportFormat.WORD:  # it holds when it was made
        assert first == export_conversation(CONVERSATION, messages, kind)
