"""What Word's equations say comes out as one line each, where it stands in the text."""

import docx
import pptx
import pytest
from docx.oxml import parse_xml

from docmind.ingestion.readers.formats import read

M = "http://schemas.openxmlformats.org/officeDocument/2006/math"


def t(text):
    return f"<m:r><m:t>{text}</m:t></m:r>"


def e(*parts):
    return "".join(f"<m:e>{part}</m:e>" for part in parts)


FRACTION = f"<m:f><m:num>{t('a+b')}</m:num><m:den>{t('2')}</m:den></m:f>"
SQUARE = f"<m:sSup>{e(t('x'))}<m:sup>{t('2')}</m:sup></m:sSup>"
BRACKETS = f"<m:d>{e(t('y'))}</m:d>"
SUM = f"<m:sub>{t('i=1')}</m:sub><m:sup>{t('n')}</m:sup>"
CASES = {
    t("E=m") + f"<m:sSup>{e(t('c'))}<m:sup>{t('2')}</m:sup></m:sSup>": "E=mc^2",
    t("m=") + FRACTION: "m=(a+b)/2",
    f"<m:rad><m:radPr><m:degHide m:val='1'/></m:radPr><m:deg/>{e(SQUARE + t('+1'))}</m:rad>": "√(x^2+1)",
    f"<m:rad><m:deg>{t('3')}</m:deg>{e(t('x'))}</m:rad>": "√[3]x",
    f"<m:nary><m:naryPr><m:chr m:val='∑'/></m:naryPr>{SUM}{e(t('i'))}</m:nary>": "∑_(i=1)^n i",
    f"<m:nary><m:sub/><m:sup/>{e(t('f'))}</m:nary>": "∫ f",
    f"<m:func><m:fName>{t('sin')}</m:fName>{e(BRACKETS)}</m:func>": "sin (y)",
    f"<m:func><m:fName><m:limLow>{e(t('lim'))}<m:lim>{t('x→0')}</m:lim></m:limLow></m:fName>{e(t('x'))}</m:func>": (
        "lim_(x→0) x"
    ),
    f"<m:d><m:dPr><m:begChr m:val='['/><m:endChr m:val=']'/></m:dPr>{e(t('a'), t('b'))}</m:d>": "[a|b]",
    f"<m:m><m:mr>{e(t('1'), t('0'))}</m:mr><m:mr>{e(t('0'), t('1'))}</m:mr></m:m>": "1, 0; 0, 1",
    f"<m:sSubSup>{e(t('x'))}<m:sub>{t('i')}</m:sub><m:sup>{t('2')}</m:sup></m:sSubSup>": "x_i^2",
}


def written(path, *equations):
    """Write a document that says "So … holds." around each equation, the last one in a paragraph of its own."""
    document = docx.Document()
    document.add_heading("Physics", 1)
    for equation in equations:
        paragraph = document.add_paragraph("So ")
        paragraph._p.append(parse_xml(f"<m:oMath xmlns:m='{M}'>{equation}</m:oMath>"))
        paragraph.add_run(" holds.")
    alone = f"<m:oMathPara xmlns:m='{M}'><m:oMath>{t('F=ma')}</m:oMath><m:oMath>{t('p=mv')}</m:oMath></m:oMathPara>"
    document.add_paragraph()._p.append(parse_xml(alone))
    document.add_paragraph("The end.")
    document.save(path)
    return path


def test_a_slide_keeps_the_text_around_its_equations(tmp_path):
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[5])
    slide.shapes.title.text = "Energy"
    box = slide.shapes.add_textbox(0, 0, 100, 100)
    box.text_frame.text = "So "
    paragraph = box.text_frame.paragraphs[0]._p
    wrapped = "xmlns:a14='http://schemas.microsoft.com/office/drawing/2010/main'"
    paragraph.append(
        parse_xml(f"<a14:m {wrapped} xmlns:m='{M}'><m:oMath>{t('v=')}{FRACTION}</m:oMath></a14:m>")
    )
    box.text_frame.paragraphs[0].add_run().text = " holds."
    spaces = "xmlns:mc='http://schemas.openxmlformats.org/markup-compatibility/2006'"
    other = parse_xml(
        f"<mc:AlternateContent {spaces}><mc:Choice Requires='a14'/><mc:Fallback/></mc:AlternateContent>"
    )
    box._element.addprevious(other)
    other[0].append(box._element)
    deck.save(tmp_path / "a.pptx")
    assert read(tmp_path / "a.pptx").text == "Energy\nSo v=(a+b)/2 holds."


def test_equations_side_by_side_stay_apart(tmp_path):
    both = f"{t('a=b')}</m:oMath><m:oMath>{t('c=d')}"
    path = written(tmp_path / "a.docx")
    document = docx.Document(path)
    wrapped = parse_xml(f"<w xmlns:m='{M}'><m:oMath>{both}</m:oMath></w>")
    paragraph = document.add_paragraph()._p
    for equation in list(wrapped):
        paragraph.append(equation)
    document.save(path)
    assert read(path).text.endswith("The end.\n\na=b; c=d")


@pytest.mark.parametrize(("equation", "said"), CASES.items(), ids=CASES.values())
def test_an_equation_stands_where_it_is_read(tmp_path, equation, said):
    text = read(written(tmp_path / "a.docx", equation)).text
    assert text == f"# Physics\n\nSo {said} holds.\n\nF=ma; p=mv\n\nThe end."
