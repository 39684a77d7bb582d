from datetime import date
from decimal import Decimal

import pytest

from docmind.tables.cells import typed_cells
from docmind.tables.table import ColumnType


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (["1,234.50", "7"], ["1234.50", "7"]),
        (["1.234,50", "7,25"], ["1234.50", "7.25"]),
        (["1.234.567", "12"], ["1234567", "12"]),
        (["1,234", "2,500"], ["1234", "2500"]),
        (["1,5", "2,75"], ["1.5", "2.75"]),
        (["1 234", "12"], ["1234", "12"]),
        (["1'234.5", "12"], ["1234.5", "12"]),
        (["(310)", "-20", "\u22125"], ["-310", "-20", "-5"]),
        (["$2,554", "$(12)", "($7)"], ["2554", "-12", "-7"]),
        (["8%", "12.5 %"], ["8", "12.5"]),
        (["70,002,856[1]", "1,466,705*"], ["70002856", "1466705"]),
        (["EUR 4,750", "EUR 12"], ["4750", "12"]),
    ],
)
def test_numbers_are_read_in_the_notation_of_their_column(texts, values):
    typed = typed_cells(texts)
    assert typed.type is ColumnType.NUMBER
    assert [str(value) for value in typed.values] == values


def test_the_unit_of_a_column_is_kept():
    assert typed_cells(["8%", "12%"]).unit == "%"
    assert typed_cells(["$5", "$7"]).unit == "$"
    assert typed_cells(["12 km", "7 km"]).unit == "km"


def test_what_is_measured_in_different_units_is_not_added_up():
    assert typed_cells(["3 km", "500 m"]).type is ColumnType.TEXT


@pytest.mark.parametrize(
    "texts", [["2025-01-31"], ["31.01.2025"], ["31/01/2025"], ["January 31, 2025"], ["31 Jan 2025"]]
)
def test_dates_are_read_in_usual_forms(texts):
    typed = typed_cells(texts)
    assert (typed.type, typed.values) == (ColumnType.DATE, (date(2025, 1, 31),))


def test_a_day_that_could_be_two_days_stays_a_text():
    assert typed_cells(["03/04/2025", "05/06/2025"]).type is ColumnType.TEXT
    assert typed_cells(["03/04/2025", "25/06/2025"]).values[0] == date(2025, 4, 3)


def test_years_are_no_amounts():
    assert typed_cells(["1998", "2004"]).type is ColumnType.YEAR


def test_a_cell_without_a_number_has_no_value():
    typed = typed_cells(["4", "7", "n/a", "9", "\u2013"])
    assert typed.values == (Decimal(4), Decimal(7), None, Decimal(9), None)


def test_a_sheets_own_number_counts_not_what_is_shown_of_it():
    typed = typed_cells(["13%", "5%"], ["0.127", "0.05"])
    assert typed.values == (Decimal("12.700"), Decimal("5.00"))
    assert typed_cells(["12.3", "1"], ["12.345", "1"]).values[0] == Decimal("12.345")


def test_codes_and_names_are_texts():
    assert typed_cells(["A-12", "B-7"]).type is ColumnType.TEXT
    assert typed_cells(["12", "north", "south"]).type is ColumnType.TEXT
