"""Bytes → text: which encoding a file is in, by evidence from the whole of it."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from itertools import pairwise

from docmind.errors import CorruptFile

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    # before UTF-16, whose mark the little-endian one begins with
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_USUAL_IN_WESTERN_EUROPE = ("cp1252", "mac_roman", "cp850")
"""Windows, old Macs, DOS. They are tried beside the guess, which takes each of them for another
alphabet where letters with accents are few."""
_WIDER = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
}
"""Named encoding → the one that is meant: Windows' extension of it. So do browsers (WHATWG's
"Encoding", section 4.2)."""
_SAMPLE_BYTES = 64 << 10
"""So much of a file's lines with other than ASCII characters is looked at for a guess."""
_LATIN = 0x250
"""Letters below belong to the Latin alphabet."""
_CHANGE_OF_ALPHABET = re.compile(rb"\x1b\$[@B)]")
"""How encodings of Eastern Asia that are ASCII otherwise (ISO 2022) go over to their own."""
_NO_SYMBOL = (
    r"\w\s\x00-\x7f"
    r"\u00ad\u00b7\u2010-\u201f\u2026"  # hyphens, middle dot, dashes, quotation marks, ellipsis
    r"\u0300-\u036f\u0590-\u109f"  # accents, vowel signs from Hebrew to Burmese
)
_SYMBOL_IN_WORD = re.compile(rf"(?<=[^\W\d_])[^{_NO_SYMBOL}](?=[^\W\d_])")
_LETTER = re.compile(r"[^\W\d_]")
_OTHER_LETTER = re.compile(r"[^\W\d_\x00-\u024f]")
"""A letter of another alphabet than the Latin one."""
_OTHER_LETTER_ALONE = re.compile(rf"(?<!\w){_OTHER_LETTER.pattern}(?!\w)")
MINORITY = 0.1
"""Fraction of letters below which an alphabet is not the text's own."""
_NOT_ASCII = re.compile(rb"[\x80-\xff]")


def decode(data: bytes) -> str:
    """Return the bytes as text, in the encoding for which most speaks.

    A byte order mark decides, then whether it is UTF-8 (a few bad bytes are shown as U+FFFD), then
    the places of zero bytes (UTF-16), then which letters follow each other.

    Raises:
        CorruptFile: no known encoding fits, or the bytes are no text.
    """
    text = data.decode(find_encoding(data), "replace")
    if text.count("\x00") > len(text) // 10:
        raise CorruptFile("is not text: it is full of zero bytes. Check that its ending is right.")
    return text


def decode_as(data: bytes, named_encoding: str) -> str:
    """Return the bytes as text in an encoding that somebody has named for them.

    Where it is unknown or does not fit, the likeliest one is taken.
    """
    try:
        name = codecs.lookup(named_encoding).name
        text = data.decode(_WIDER.get(name, name))
    except (LookupError, UnicodeError):
        return decode(data)
    # Text that is UTF-8 by all of its bytes is hardly ever meant to be something else.
    if not data.isascii() and _is_utf8(data):
        return data.decode("utf-8-sig")
    return text.removeprefix("\ufeff")


def find_encoding(data: bytes) -> str:
    """Return the encoding for which most speaks; CorruptFile if none fits."""
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return encoding
    utf16 = _utf16_without_mark(data)
    if utf16:
        return utf16
    if _is_utf8(data) and not _CHANGE_OF_ALPHABET.search(data):
        return "utf-8"
    if _is_mostly_utf8(data):
        return "utf-8"
    return _likeliest_encoding(data)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _is_mostly_utf8(data: bytes) -> bool:
    """Tell whether most characters beyond ASCII are right as UTF-8, which happens by no accident.

    In text of another encoding nearly all of them are wrong.
    """
    text = data.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    not_ascii = len(text) - len(text.encode("ascii", "ignore"))
    right = not_ascii - wrong
    return right > 2 * wrong


def _utf16_without_mark(data: bytes) -> str:
    """Return the kind of UTF-16 that the places of zero bytes speak for; "" if it is none.

    Of Latin letters every second byte is zero.
    """
    zeros_at_even_places = data[::2].count(0)
    zeros_at_odd_places = data[1::2].count(0)
    pairs = len(data) // 2
    if zeros_at_odd_places > pairs // 3 and zeros_at_even_places <= pairs // 20:
        return "utf-16-le"
    if zeros_at_even_places > pairs // 3 and zeros_at_odd_places <= pairs // 20:
        return "utf-16-be"
    return ""


def _likeliest_encoding(data: bytes) -> str:
    """Return the encoding that fits the bytes best; CorruptFile if none does."""
    import chardet

    sample = _telling_lines(data)
    candidates: list[str] = []
    # Windows' code page of a region, and the standard of which it is taken for an extension.
    for prefer_superset in (True, False):
        guess = chardet.detect(sample, prefer_superset=prefer_superset)["encoding"]
        if guess is not None:
            candidates.append(guess)
    if not candidates:
        raise CorruptFile("is not text: no known encoding fits it. Check that its ending is right.")
    if len(sample.decode(candidates[0], "replace")) == len(sample):  # one byte a character
        candidates += _USUAL_IN_WESTERN_EUROPE
    return _most_plausible(sample, candidates)


def _telling_lines(data: bytes) -> bytes:
    """Return the lines with other than ASCII characters, wherever they stand; all if none has."""
    lines: list[bytes] = []
    size = 0
    place = 0
    while size < _SAMPLE_BYTES:
        found = _NOT_ASCII.search(data, place)
        if found is None:
            break
        line_start = max(place, data.rfind(b"\n", 0, found.start()) + 1)
        line_end = data.find(b"\n", found.start()) + 1 or len(data)
        lines.append(data[line_start:line_end][:_SAMPLE_BYTES])
        size += line_end - line_start
        place = line_end
    return b"".join(lines) or data[:_SAMPLE_BYTES]


def _most_plausible(sample: bytes, encodings: Sequence[str]) -> str:
    """Return the encoding in which the fewest letters stand where none would; the first of equals.

    Quoted words of cp1252, for example, are "ďquotedĒ" in the encoding of the Baltic countries.
    """
    best = encodings[0]
    fewest: int | None = None
    for encoding in encodings:
        oddities = _oddities(sample.decode(encoding, "replace"))
        if fewest is None or oddities < fewest:
            best = encoding
            fewest = oddities
    return best


def _oddities(text: str) -> int:
    """Count what stands in no word.

    That is capitals behind small letters, letters of other alphabets beside Latin ones or alone in
    Latin text, symbols between letters, and control characters.
    """
    count = text.count("\ufffd") + len(_SYMBOL_IN_WORD.findall(text))
    if len(_OTHER_LETTER.findall(text)) < MINORITY * len(_LETTER.findall(text)):
        count += len(_OTHER_LETTER_ALONE.findall(text))
    for before, after in pairwise(text):
        if before.isascii() and after.isascii():
            continue
        if "\x80" <= after <= "\x9f" or (before.islower() and after.isupper()):
            count += 1
        elif before.isalpha() and after.isalpha():
            count += (ord(before) < _LATIN) != (ord(after) < _LATIN)
    return count
