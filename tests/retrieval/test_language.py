import pytest

from docmind.retrieval.language import answer_language, detect_language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The tenant pays the rent on the first day of the month, and it is due in advance.", "en"),
        (
            "Der Mieter zahlt die Miete am ersten Tag des Monats, und sie ist im Voraus fällig.",
            "de",
        ),
        ("Le locataire paie le loyer le premier jour du mois et il est dû par avance.", "fr"),
        ("El inquilino paga la renta el primer día del mes, y se paga por adelantado.", "es"),
        ("O inquilino paga a renda no primeiro dia do mês e ela não é paga com atraso.", "pt"),
        ("De huurder betaalt de huur op de eerste dag van de maand en dat is vooraf.", "nl"),
        ("Leietakeren betaler leien på den første dagen av måneden, og det er ikke etter.", "no"),
        ("Арендатор платит в первый день месяца, и это не зависит от того, как и на что.", "ru"),
        ("租户应在每月的第一天支付租金。", ""),
        ("4711 | 12.50 | 3\n4712 | 8.00 | 1", ""),
        ("", ""),
    ],
)
def test_a_text_is_known_by_its_small_words(text, language):
    assert detect_language(text) == language


def test_a_title_page_in_another_language_does_not_decide():
    german = "Der Vertrag ist von den Parteien und mit dem Notar für das Haus gemacht. " * 2000
    assert detect_language("Annual report of the company for the year. " * 20 + german) == "de"


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("Wie lang ist die Kündigungsfrist im Vertrag mit Harbour Foods plc?", "de"),
        ("How long is the notice period?", "en"),
        ("Summarize report.pdf", ""),
        ("Who signed the lease? Please answer in German.", "de"),
        ("Wer hat den Vertrag unterschrieben? Antworte auf Englisch.", "en"),
        ("Quelle est la durée de la garantie pour les machines ?", "fr"),
    ],
)
def test_the_language_of_an_answer_is_the_questions_or_the_one_it_asks_for(question, language):
    assert answer_language(question) == language
