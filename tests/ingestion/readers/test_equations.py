"""What Word's equations say comes out as one line each, where it stands in the text."""

import docx
import pptx
import pytest
from docx.oxml import parse_xml

from docmind.ingestion.readers.formats import read

MATH = "http://schemas.openxmlformats.org/officeDocument/2006/math"
NAMESPACE = f"xmlns:m='{MATH}'"


def run(text):
    return f"<m:r><m:t>{text}</m:t></m:r>"


def operand(*parts):
    return "".join(f"<m:e>{part}</m:e>" for part in parts)


FRACTION = f"<m:f><m:num>{run('a+b')}</m:num><m:den>{run('2')}</m:den></m:f>"
SQUARE = f"<m:sSup>{operand(run('x'))}<m:sup>{run('2')}</m:sup></m:sSup>"
C_SQUARE = f"<m:sSup>{operand(run('c'))}<m:sup>{run('2')}</m:sup></m:sSup>"
BRACKETS = f"<m:d>{operand(run('y'))}</m:d>"
FROM_1_TO_N = f"<m:sub>{run('i=1')}</m:sub><m:sup>{run('n')}</m:sup>"
LIMIT = f"<m:limLow>{operand(run('lim'))}<m:lim>{run('x→0')}</m:lim></m:limLow>"
SQUARE_ROOT = "<m:radPr><m:degHide m:val='1'/></m:radPr><m:deg/>"
SUM_SIGN = "<m:naryPr><m:chr m:val='∑'/></m:naryPr>"
SQUARE_BRACKETS = "<m:dPr><m:begChr m:val='['/><m:endChr m:val=']'/></m:dPr>"
MATRIX_ROWS = (
    f"<m:mr>{operand(run('1'), run('0'))}</m:mr><m:mr>{operand(run('0'), run('1'))}</m:mr>"
)
X_I_SQUARE = f"{operand(run('x'))}<m:sub>{run('i')}</m:sub><m:sup>{run('2')}</m:sup>"
CASES = {
    run("E=m") + C_SQUARE: "E=mc^2",
    run("m=") + FRACTION: "m=(a+b)/2",
    f"<m:rad>{SQUARE_ROOT}{operand(SQUARE + run('+1'))}</m:rad>": "√(x^2+1)",
    f"<m:rad><m:deg>{run('3')}</m:deg>{operand(run('x'))}</m:rad>": "√[3]x",
    f"<m:nary>{SUM_SIGN}{FROM_1_TO_N}{operand(run('i'))}</m:nary>": "∑_(i=1)^n i",
    f"<m:nary><m:sub/><m:sup/>{operand(run('f'))}</m:nary>": "∫ f",
    f"<m:func><m:fName>{run('sin')}</m:fName>{operand(BRACKETS)}</m:func>": "sin (y)",
    f"<m:func><m:fName>{LIMIT}</m:fName>{operand(run('x'))}</m:func>": "lim_(x→0) x",
    f"<m:d>{SQUARE_BRACKETS}{operand(run('a'), run('b'))}</m:d>": "[a|b]",
    f"<m:m>{MATRIX_ROWS}</m:m>": "1, 0; 0, 1",
    f"<m:sSubSup>{X_I_SQUARE}</m:sSubSup>": "x_i^2",
}


def write_docx_with(path, *equations):
    """Write a document that says "So … holds." around each equation.

    Two equations in a paragraph of their own and "The end." follow.
    """
    document = docx.Document()
    document.add_heading("Physics", 1)
    for equation in equations:
        paragraph = document.add_paragraph("So ")
        paragraph._p.append(parse_xml(f"<m:oMath {NAMESPACE}>{equation}</m:oMath>"))
        paragraph.add_run(" holds.")
    force = f"<m:oMath>{run('F=ma')}</m:oMath>"
    momentum = f"<m:oMath>{run('p=mv')}</m:oMath>"
    alone = parse_xml(f"<m:oMathPara {NAMESPACE}>{force}{momentum}</m:oMathPara>")
    document.add_paragraph()._p.append(alone)
    document.add_paragraph("The end.")
    document.save(path)
    return path


def test_a_slide_keeps_the_text_around_its_equations(tmp_path):
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[5])
    slide.shapes.title.text = "Energy"
    box = slide.shapes.add_textbox(left=0, top=0, width=100, height=100)
    box.text_frame.text = "So "
    paragraph = box.text_frame.paragraphs[0]
    # PowerPoint wraps an equation into an element of its own …
    wrapper = "xmlns:a14='http://schemas.microsoft.com/office/drawing/2010/main'"
    equation = f"<m:oMath>{run('v=')}{FRACTION}</m:oMath>"
    paragraph._p.append(parse_xml(f"<a14:m {wrapper} {NAMESPACE}>{equation}</a14:m>"))
    paragraph.add_run().text = " holds."
    # … and the whole text box into an alternative for new versions.
    compatibility = "xmlns:mc='http://schemas.openxmlformats.org/markup-compatibility/2006'"
    alternative = parse_xml(
        f"<mc:AlternateContent {compatibility}>"
        "<mc:Choice Requires='a14'/><mc:Fallback/></mc:AlternateContent>"
    )
    box._element.addprevious(alternative)
    choice = alternative[0]
    choice.append(box._element)
    deck.save(tmp_path / "a.pptx")
    assert read(tmp_path / "a.pptx").text == "Energy\nSo v=(a+b)/2 holds."


def test_equations_side_by_side_stay_apart(tmp_path):
    path = write_docx_with(tmp_path / "a.docx")
    document = docx.Document(path)
    paragraph = document.add_paragraph()._p
    for text in ("a=b", "c=d"):
        paragraph.append(parse_xml(f"<m:oMath {NAMESPACE}>{run(text)}</m:oMath>"))
    document.save(path)
    assert read(path).text.endswith("The end.\n\na=b; c=d")


@pytest.mark.parametrize(("equation", "line"), CASES.items(), ids=CASES.values())
def test_an_equation_stands_where_it_is_read(tmp_path, equation, line):
    text = read(write_docx_with(tmp_path / "a.docx", equation)).text
    assert text == f"# Physics\n\nSo {line} holds.\n\nF=ma; p=mv\n\nThe end."
