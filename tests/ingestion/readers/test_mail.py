"""Mails: what they say, in whatever way programs write them."""

import base64
import struct
from email.message import EmailMessage

import pytest
from oxmsg.storage import Storage, Stream

from docmind.ingestion.parsed import AttachedFile
from docmind.ingestion.readers.formats import read
from docmind.ingestion.readers.msg import read_storage
from tests.samples import write_image, write_pdf

INVITATION = """BEGIN:VCALENDAR
METHOD:REQUEST
BEGIN:VTIMEZONE
TZID:Europe/Berlin
DTSTART:19701025T030000
END:VTIMEZONE
BEGIN:VEVENT
SUMMARY:Roof\\, part two
DTSTART;TZID=Europe/Berlin:20240506T100000
DTEND:20240506T090000Z
LOCATION:Room 4
ORGANIZER;CN="Ada: Example":mailto:ada@example.com
ATTENDEE:mailto:bo@example.com
DESCRIPTION:Bring the pl
 ans.\\nAnd tea.
END:VEVENT
END:VCALENDAR
"""


def mail(subject="Roof", text="It is tight."):
    message = EmailMessage()
    message["Subject"] = subject
    message["From"] = "ada@example.com"
    message.set_content(text)
    return message


def read_mail(tmp_path, message):
    file = tmp_path / "a.eml"
    file.write_bytes(message if isinstance(message, bytes) else bytes(message))
    return read(file)


HEAD = b"Subject: Roof\nMIME-Version: 1.0\n"


def multipart(kind, *parts):
    lines = [HEAD + f"Content-Type: multipart/{kind}; boundary=x\n".encode()]
    lines += [b"--x\n" + part.encode() + b"\n" for part in parts]
    return b"\n".join([*lines, b"--x--\n"])


PLAIN = "Content-Type: text/plain\n\n"
HTML = "Content-Type: text/html\n\n"
LONG = "The budget for the roof is 18,400 euros, of which half is due in May."


@pytest.mark.parametrize(
    ("message", "texts"),
    [
        (multipart("alternative", PLAIN + "\n", f"{HTML}<p>{LONG}</p>"), [LONG]),
        (multipart("alternative", PLAIN + LONG, f"{HTML}<p>{LONG} Unsubscribe</p>"), [LONG]),
        (
            multipart("alternative", PLAIN + "Your program shows no HTML.", f"{HTML}<p>{LONG}</p>"),
            [LONG],
        ),
        (multipart("mixed", f"{HTML}<p>{LONG}</p>", PLAIN + "Footer."), [LONG, "Footer."]),
        (multipart("mixed", f"\n{LONG}", "\nNo headers."), [LONG, "No headers."]),
        (multipart("related", f"{HTML}<p>{LONG}</p>", "Content-Type: image/png\n\nx"), [LONG]),
        (multipart("mixed", "Content-Type: text/enriched\n\nRich."), ["Rich."]),
        (HEAD + b"Content-Type: multipart/mixed; boundary=y\n\nNo boundary.", ["No boundary."]),
        (HEAD + b"\nThe keys.", ["The keys."]),
        (b"\xef\xbb\xbf" + HEAD + b"\nThe keys.", ["The keys."]),
        (b"\r\n\r\n" + HEAD + b"\nThe keys.", ["The keys."]),
        ((HEAD + b"\nThe keys.").decode().encode("utf-16"), ["The keys."]),
    ],
)  # fmt: skip
def test_the_body_is_read_however_it_is_nested(tmp_path, message, texts):
    head, *body = read_mail(tmp_path, message).sections
    assert head.text.startswith("Subject: Roof")
    assert [section.text for section in body] == texts


def test_a_forwarded_mail_is_read_with_its_subject(tmp_path):
    message = mail("Fwd: Offer", "See below.")
    inner = mail("Offer", "The pump costs 4,200 euros.")
    inner.add_attachment(mail("Innermost", "By rail."))
    message.add_attachment(inner)
    sections = read_mail(tmp_path, message).sections
    texts = {section.headings: section.text for section in sections}
    assert texts["Fwd: Offer", "Offer"] == "The pump costs 4,200 euros."
    assert texts["Fwd: Offer", "Offer", "Innermost"] == "By rail."


def test_an_encoded_forwarded_mail(tmp_path):
    inner = base64.b64encode(bytes(mail("Offer", "The pump."))).decode()
    part = f"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n{inner}"
    assert "The pump." in read_mail(tmp_path, multipart("mixed", part)).text


def test_a_bounce_says_why_and_what(tmp_path):
    status = (
        "Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.com\n\n"
        "Final-Recipient: rfc822; bo@example.com\nDiagnostic-Code: smtp; 550 mailbox full"
    )
    original = "Content-Type: text/rfc822-headers\n\nSubject: The lost one"
    text = read_mail(tmp_path, multipart("report", PLAIN + "Not sent.", status, original)).text
    for words in ("Not sent.", "mx.example.com", "550 mailbox full", "The lost one"):
        assert words in text


def test_an_invitation_is_read_once(tmp_path):
    calendar = f"Content-Type: text/calendar; method=REQUEST\n\n{INVITATION}"
    alternative = multipart("alternative", PLAIN + "Please come.", calendar)
    _, body, invitation = read_mail(tmp_path, alternative).sections
    assert body.text == "Please come."
    assert invitation.text.splitlines() == [
        "Kind: REQUEST",
        "Meeting: Roof, part two",
        "Begins: 2024-05-06 10:00 (Europe/Berlin)",
        "Ends: 2024-05-06 09:00 UTC",
        "Place: Room 4",
        "Organizer: Ada: Example <ada@example.com>",
        "Attendee: bo@example.com",
        "Description: Bring the plans.",
        "And tea.",
    ]
    again = f"Content-Type: application/ics; name=invite.ics\n\n{INVITATION}"
    twice = read_mail(tmp_path, multipart("mixed", calendar, again)).text
    assert twice.count("Room 4") == 1


def test_attachments_are_handed_on(tmp_path):
    message = mail()
    message.add_attachment(
        write_pdf(tmp_path / "x.pdf").read_bytes(),
        maintype="application",
        subtype="pdf",
        filename="plan.pdf",
    )
    message.add_attachment("a;b\n1,5;2\n", subtype="csv", filename="sums.csv")
    message.add_attachment(b"%PDF no", maintype="application", subtype="pdf", filename="bad.pdf")
    message.add_attachment(b"\0", maintype="application", subtype="octet-stream")
    inner = mail("Offer")
    inner.add_attachment("A list.", filename="list.txt")
    message.add_attachment(inner)
    (tmp_path / "a.eml").write_bytes(bytes(message))
    (tmp_path / "unpacked").mkdir()
    document = read(tmp_path / "a.eml", unpack_into=tmp_path / "unpacked")
    assert "Attachments: plan.pdf, sums.csv, bad.pdf, unnamed" in document.text
    names = [file.name for file in document.attached]
    assert names == ["plan.pdf", "sums.csv", "bad.pdf", "list.txt"]
    assert document.attached[1].path.read_bytes().strip() == b"a;b\n1,5;2"
    assert document.unread == ("1 file in it is of a type that is not read (unnamed.bin)",)


def test_a_picture_in_a_mail_is_read_once_and_is_no_attachment(tmp_path):
    message = mail()
    message.add_alternative('<p>See <img src="cid:shot"></p>', subtype="html")
    picture = write_image(tmp_path / "x.png").read_bytes()
    for _ in range(2):
        message.get_payload()[1].add_related(picture, "image", "png", cid="<shot>")
    document = read_mail(tmp_path, message)
    assert "Attachments" not in document.text
    assert document.text.count("counts 52 ships a day") == 1


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_letters_in_a_head_that_should_have_none(tmp_path, encoding):
    data = "Subject: Grüße aus Köln\nFrom: Jürgen Müller <j@example.com>\n\nText.\n"
    text = read_mail(tmp_path, data.encode(encoding)).text
    assert "Subject: Grüße aus Köln" in text
    assert "Jürgen Müller" in text


def test_windows_letters_under_another_name(tmp_path):
    message = HEAD + b"Content-Type: text/plain; charset=iso-8859-1\n\n\x93quoted\x94 \x80 5"
    assert "“quoted” € 5" in read_mail(tmp_path, message).text


def numbers(header_bytes, **values):
    """Return a table of properties of fixed length, such as `n3FFD=1250`."""
    entries = [struct.pack("<HHIQ", 3, int(key[1:], 16), 6, n) for key, n in values.items()]
    return Stream("__properties_version1.0", bytes(header_bytes) + b"".join(entries))


def streams(**values):
    return tuple(Stream(f"__substg1.0_{name[1:]}", data) for name, data in values.items())


POLISH = "Umowa na czas określony dwunastu miesięcy. Następuje na piśmie, żółć."


@pytest.mark.parametrize("code_page", [1250, 0])
def test_an_outlook_message_in_a_code_page(code_page):
    texts = streams(_0037001E="Żółć".encode("cp1250"), _1000001E=POLISH.encode("cp1250"))
    fixed = numbers(32, n3FFD=code_page) if code_page else numbers(32)
    head, body = read_storage(Storage("", (fixed, *texts), ())).sections[:2]
    assert head.text == "Subject: Żółć"
    assert body.text == POLISH


def test_an_outlook_message_with_parts():
    embedded = Storage(
        "a/__substg1.0_3701000D",
        (
            numbers(24),
            *streams(
                _0037001F="Offer".encode("utf-16-le"),
                _10130102="<p>The pump costs 4,200 €.</p>".encode("cp1252"),
            ),
        ),
        (),
    )
    parts = (
        Storage(
            "__recip_version1.0_#00000000",
            (numbers(8, n0C15=2), *streams(_3001001E=b"Bo", _3003001E=b"bo@example.com")),
            (),
        ),
        Storage("__attach_version1.0_#00000000", (numbers(8),), (embedded,)),
        Storage(
            "__attach_version1.0_#00000001",
            (numbers(8), *streams(_3707001E=b"note.txt", _37010102=b"In the note.")),
            (),
        ),
    )
    texts = streams(_0037001E=b"Fwd", _1000001E=b"See below.", _0C1A001E=b"Ada")
    result = read_storage(Storage("", (numbers(32, n3FDE=1252), *texts), parts))
    sections = result.sections
    assert (
        sections[0].text
        == "Subject: Fwd\nFrom: Ada\nCc: Bo <bo@example.com>\nAttachments: note.txt"
    )
    by_headings = {section.headings: section.text.strip() for section in sections}
    assert by_headings["Fwd", "Offer"] == "The pump costs 4,200 €."
    assert list(result.attached) == [AttachedFile("note.txt", b"In the note.")]
