"""The ingestion benchmark sorts files rightly and counts each of them."""

from benchmarks.ingest import reading, robustness
from docmind.settings import IngestionSettings
from tests.samples import write_docx, write_image, write_pdf


def test_scans_and_texts_are_measured_apart(tmp_path):
    files = [
        write_pdf(tmp_path / "text.pdf"),
        write_image(tmp_path / "scan.pdf"),
        write_docx(tmp_path / "a.docx"),
    ]
    figures = reading(IngestionSettings(), files)
    assert figures["read.pdf.pages"] % 3 == 0
    assert figures["read.ocr.pages"] == 1
    assert figures["read.pdf.pages_cpu_s"] > figures["read.ocr.pages_cpu_s"] > 0
    assert figures["read.docx.files_cpu_s"] > 0
    assert 0 < figures["read.peak_gib"] < 4


def test_every_file_ends_as_text_or_with_a_reason(tmp_path):
    (tmp_path / "bad.docx").write_bytes(b"no package")
    told = []
    figures, reasons = robustness(
        IngestionSettings(), [write_pdf(tmp_path / "good.pdf"), tmp_path / "bad.docx"], told.append
    )
    assert (figures["robust.files"], figures["robust.ready"], figures["robust.failed"]) == (2, 1, 1)
    assert figures["robust.workers_lost"] == 0
    assert reasons == "1 x is damaged or not what its ending says"
    assert len(told) == 1
