import pytest
from hypothesis import given
from hypothesis import strategies as st

from docmind.ingestion.readers.number_formats import is_date_format, shown, shown_text

MARCH_15 = 46096
"""2026, as sheets count days."""
ACCOUNTING = '_("$"* #,##0.00_);_("$"* \\(#,##0.00\\);_("$"* "-"??_);_(@_)'


@pytest.mark.parametrize(
    ("value", "number_format", "text"),
    [
        (0.075, "0.0%", "7.5%"),
        (0.075, "0.0 %", "7.5 %"),
        (1234.5, '"$"#,##0.00', "$1,234.50"),
        (1234.5, "[$€-407] #,##0.00", "€ 1,234.50"),
        (1234.5, '#,##0.00\\ "€"', "1,234.50 €"),
        (-1234.5, ACCOUNTING, "$(1,234.50)"),
        (0, ACCOUNTING, "$-"),
        (-500, "#,##0;(#,##0)", "(500)"),
        (1067, "00000", "01067"),
        (3, '0 "weeks"', "3 weeks"),
        (5551234567, "(000) 000-0000", "(555) 123-4567"),
        (1.5, "# ?/?", "1 1/2"),
        (3.5, "# ??/16", "3 8/16"),
        (0.75, "?/?", "3/4"),
        (123456789, "0.00E+00", "1.23E+08"),
        (5, '[>=100]0;[<100]"low "0', "low 5"),
        (12.3, "0.0#", "12.3"),
        (0.1 + 0.2, "General", "0.3"),
        (1200, "General", "1200"),
    ],
)
def test_a_number_is_read_as_the_sheet_shows_it(value, number_format, text):
    assert shown(value, number_format) == text


@pytest.mark.parametrize(
    ("value", "number_format", "text"),
    [
        (MARCH_15, "dd.mm.yyyy", "15.03.2026"),
        (MARCH_15, "[$-809]dd mmmm yyyy", "15 March 2026"),
        (MARCH_15 + 0.5, "yyyy\\-mm\\-dd hh:mm", "2026-03-15 12:00"),
        (0.4375, "h:mm AM/PM", "10:30 AM"),
        (1.75, "[h]:mm", "42:00"),
        (-0.5, "[h]:mm", "-12:00"),
        (0.5, "mm:ss.0", "00:00.0"),
        (1, "dd.mm.yyyy", "01.01.1900"),
    ],
)
def test_dates_and_durations(value, number_format, text):
    assert shown(value, number_format) == text
    assert is_date_format(number_format)


def test_old_files_of_the_macintosh_count_from_1904():
    assert shown(MARCH_15 - 1462, "yyyy-mm-dd", starts_1904=True) == "2026-03-15"


@pytest.mark.parametrize(
    ("value", "number_format", "text"),
    [
        (MARCH_15, "mm-dd-yy", "2026-03-15"),  # 03-04-26 may be in March or in April
        (MARCH_15, "mmm-yy", "Mar-2026"),
        (MARCH_15, "d-mmm", "15-Mar (2026-03-15)"),
        (MARCH_15, '[$-411]ggge"年"m"月"d"日"', "2026-03-15"),
        (1234567, '#,##0,,"M"', "1M (1234567)"),
        (-5, "0;[Red]0", "-5"),
        (5, ";;;", "5"),
        (0, "#", "0"),
        (12, "[DBNum1]0", "12"),
    ],
)
def test_where_a_sheet_shows_less_than_it_has_the_text_says_more(value, number_format, text):
    assert shown(value, number_format) == text


def test_a_text_stands_in_the_place_of_its_format():
    assert shown_text("Vane", '"Ms "@') == "Ms Vane"
    assert shown_text("Vane", "0.00") == "Vane"


@given(st.integers(-(10**12), 10**12), st.integers(0, 4))
def test_no_digit_of_a_number_changes(number, decimals):
    value = number / 10**decimals
    places = "." + "0" * decimals if decimals else ""
    text = shown(value, f'#,##0{places} "EUR"')
    assert float(text.removesuffix(" EUR").replace(",", "")) == value


@given(st.text(max_size=20), st.floats(-1e9, 1e9))
def test_any_format_gives_some_text(number_format, value):
    assert shown(value, number_format) or value == 0 or number_format
