"""Text formats: nothing is moved, renumbered or replaced on the way."""

import pytest

from docmind.errors import EmptyFile
from docmind.ingestion.readers.formats import read


def test_an_empty_first_header_keeps_the_columns_of_a_tsv_in_place(tmp_path):
    file = tmp_path / "a.tsv"
    file.write_text("\n\tdepth\tcranes\nAveiro\t12\t4\nSines\t28\t9\n")
    lines = read(file).text.splitlines()
    assert lines[0] == "|  | depth | cranes |"
    assert lines[2] == "| Aveiro | 12 | 4 |"


def test_a_list_that_goes_on_keeps_its_numbers(tmp_path):
    markdown = tmp_path / "a.md"
    markdown.write_text(
        "1. Drain the pump.\n\n```\nwait\n```\n\n2. Close the valve.\n3. Ring the bell.\n"
    )
    assert "2. Close the valve.\n\n3. Ring the bell." in read(markdown).text
    html = tmp_path / "a.html"
    html.write_text("<ol start='x'><li>One</li><li>Two</li></ol>")
    assert read(html).text == "1. One\n\n2. Two"


def test_a_part_of_a_mail_needs_no_headers_but_the_mail_does(tmp_path):
    file = tmp_path / "a.eml"
    file.write_text(
        'Subject: News\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="cut"\n\n'
        "--cut\n\nThe ferry leaves at nine.\n--cut--\n"
    )
    assert "The ferry leaves at nine." in read(file).text
    file.write_text("\nNo header stands above this.\n")
    with pytest.raises(EmptyFile):
        read(file)


@pytest.mark.parametrize(
    ("charset", "encoding"),
    [("", "utf-8"), ("; charset=x-unknown", "cp1252"), ("; charset=us-ascii", "utf-8")],
)
def test_a_mail_whose_encoding_is_not_told_or_wrong_keeps_its_letters(tmp_path, charset, encoding):
    body = "Die Brücke in Zürich wird übermorgen geöffnet. Bitte nehmen Sie so lange die Fähre."
    head = f"Subject: News\nContent-Type: text/plain{charset}\nContent-Transfer-Encoding: 8bit\n\n"
    file = tmp_path / "a.eml"
    file.write_bytes(head.encode() + body.encode(encoding))
    assert body in read(file).text


def read_bytes(tmp_path, name, data):
    file = tmp_path / name
    file.write_bytes(data)
    return read(file)


GERMAN = "Die Brücke in Zürich wird übermorgen für größere Lastwagen geöffnet. Ärger über Öl."
# ruff: disable[RUF001]
SENTENCES = [
    ("cp1252 mac_roman cp850 utf-16-le utf-16-be utf-32", GERMAN),
    (
        "cp1252 mac_roman",
        "Le contrat a été signé à Orléans; ça coûte cher, «\xa0bien sûr\xa0».",
    ),
    ("cp1250 iso8859-2", "Umowa na czas określony dwunastu miesięcy. Następuje na piśmie, żółć."),
    ("cp1250 iso8859-2", "Smlouva se uzavírá na dobu určitou. Žluťoučký kůň úpěl ďábelské ódy."),
    ("cp1250 iso8859-2", "A szerződés határozott időre szól. A bérlő havonta fizeti a díjat."),
    ("cp1251 koi8_r cp866 iso8859-5", "Договор заключён на год. Арендатор платит ежемесячно."),
    ("cp1253 iso8859-7", "Η σύμβαση ισχύει για δώδεκα μήνες. Ο μισθωτής πληρώνει κάθε μήνα."),
    ("cp1254", "Sözleşme on iki ay için geçerlidir. Kiracı her ay kirayı öder, ığdır."),
    ("cp1255", "החוזה תקף לשנים עשר חודשים. השוכר משלם בכל חודש את דמי השכירות."),
    ("cp874", "สัญญามีกำหนดสิบสองเดือน ผู้เช่าจ่ายค่าเช่าทุกเดือน การแจ้งให้ทำเป็นหนังสือ"),
    ("cp932 euc_jp iso2022_jp", "契約期間は十二か月です。借主は毎月賃料を支払います。"),
    ("gb18030", "合同期限为十二个月。承租人每月支付租金,通知以书面形式进行。"),
    ("big5", "合約期限為十二個月。承租人每月支付租金,通知以書面形式進行。"),
    ("cp949", "계약 기간은 열두 달입니다. 임차인은 매달 임대료를 지불합니다."),
    ("cp1252", "The “quoted” price – £45 – isn’t final… naïve café"),
    ("cp1252", "Kontakt: Müller"),
    ("cp1252", "The pump costs 4,200 €."),
]
# ruff: enable[RUF001]


@pytest.mark.parametrize(("encodings", "sentence"), SENTENCES)
def test_the_encoding_is_found_out(tmp_path, encodings, sentence):
    for encoding in encodings.split():
        for times in (1, 30):
            text = "\n".join([sentence] * times)
            document = read_bytes(tmp_path, "a.txt", text.encode(encoding))
            assert document.text.replace("\xa0", " ") == text.replace("\xa0", " "), encoding


def test_the_whole_file_tells_its_encoding(tmp_path):
    ascii_lines = "The quick brown fox jumps over the lazy dog again.\n" * 2000
    document = read_bytes(tmp_path, "a.txt", (ascii_lines + GERMAN).encode("cp1252"))
    assert document.text.endswith(GERMAN)


def test_bad_bytes_cost_utf8_only_themselves(tmp_path):
    data = f"{GERMAN}\nbroken ".encode() + b"\xc3" + f" byte\n{GERMAN}".encode()
    assert read_bytes(tmp_path, "a.txt", data).text == f"{GERMAN}\nbroken � byte\n{GERMAN}"


@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
@pytest.mark.parametrize(
    ("text", "lines"),
    [
        pytest.param(
            "Betrag (netto, EUR);Datum\n1.234,56;01.02.2024\n78,90;03.04.2024\n",
            ["| Betrag (netto, EUR) | Datum |", "| 1.234,56 | 01.02.2024 |"],
            id="a comma in the header and in numbers",
        ),
        pytest.param(
            "sep=;\nName;Betrag\nMüller;1.234,56\nMaier;78,90\n",
            ["| Name | Betrag |", "| Müller | 1.234,56 |"],
            id="Excel's hint",
        ),
        pytest.param(
            '"SEP=|"\r\nName|Betrag\r\nA, B|1;2\r\n',
            ["| Name | Betrag |", "| A, B | 1;2 |"],
            id="Excel's hint in quotes",
        ),
        pytest.param(
            "a;b;c\n1,5;2,5;3,5\n4,5;5,5;6,5\n",
            ["| a | b | c |", "| 1,5 | 2,5 | 3,5 |"],
            id="decimal commas everywhere",
        ),
        pytest.param("Betrag\n1,5\n2,5\n", ["| Betrag |", "| 1,5 |"], id="one column of decimals"),
        pytest.param(
            "id,range,price\n10,1;2,30\n11,3;4,31\n",
            ["| id | range | price |", "| 10 | 1;2 | 30 |"],
            id="lists in a column",
        ),
        pytest.param(
            'Name,Note\n"Smith, Ann","said: ""no;no"""\n"Lee, Bo",\n',
            ["| Name | Note |", '| Smith, Ann | said: "no;no" |'],
            id="quoted",
        ),
        pytest.param(
            'Part\tSize\n"5 inch\t3\nBolt\t4\n',
            ["| Part | Size |", '| "5 inch | 3 |'],
            id="a quotation mark that is never closed",
        ),
        pytest.param(
            "Name;Ort\n" + "Meier, Anna;Ulm\n" * 3, ["| Name | Ort |", "| Meier, Anna | Ulm |"],
            id="commas in text",
        ),
    ],
)  # fmt: skip
def test_cells_are_separated_by_what_separates_them(tmp_path, name, text, lines):
    header, _, first_row, *_ = read_bytes(tmp_path, name, text.encode()).text.splitlines()
    assert [header, first_row] == lines


@pytest.mark.parametrize(
    "preamble", ["Sales report\nFrom;01.02.2024\n\n", "Sales report;;;\nFrom;01.02.2024;;\n"]
)
def test_lines_above_a_table_are_text_and_no_header(tmp_path, preamble):
    text = preamble + "City;Units;Price;Total\nUlm;3;1,50;4,50\nBonn;4;2,50;10\nKiel;5;3;15\n"
    above, table = read_bytes(tmp_path, "a.csv", text.encode()).sections
    assert above.text == "Sales report\nFrom 01.02.2024"
    assert table.text.splitlines()[0] == "| City | Units | Price | Total |"


def test_a_header_shorter_than_its_rows_stays_the_header(tmp_path):
    table = read_bytes(tmp_path, "a.csv", b"City,Units\nUlm,3,\nBonn,4,\n").text
    assert table.splitlines()[0] == "| City | Units |"
    table = read_bytes(tmp_path, "r.csv", b"Units,Price,Total\nUlm,3,1,3\nBonn,4,2,8\n").text
    assert table.splitlines()[0] == "| Units | Price | Total |  |"
    table = read_bytes(tmp_path, "b.csv", b"City,Units,\nUlm,3,old\nBonn,4,new\n").text
    assert table.splitlines()[0] == "| City | Units |  |"
