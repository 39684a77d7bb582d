"""The ingestion benchmark sorts files rightly and counts each of them."""

from benchmarks.ingest import measure_robustness, reading_figures
from docmind.settings import IngestionSettings
from tests.samples import write_docx, write_image, write_pdf


def test_scans_and_texts_are_measured_apart(tmp_path):
    files = [
        write_pdf(tmp_path / "text.pdf"),
        write_image(tmp_path / "scan.pdf"),
        write_docx(tmp_path / "a.docx"),
    ]
    figures = reading_figures(IngestionSettings(), files)
    assert figures["read.pdf.pages"] % 3 == 0
    assert figures["read.ocr.pages"] == 1
    assert figures["read.pdf.pages_cpu_s"] > figures["read.ocr.pages_cpu_s"] > 0
    assert figures["read.docx.files_cpu_s"] > 0
    assert 0 < figures["read.peak_gib"] < 4


def test_every_file_ends_as_text_or_with_a_reason(tmp_path):
    damaged = tmp_path / "bad.docx"
    damaged.write_bytes(b"no package")
    files = [write_pdf(tmp_path / "good.pdf"), damaged]
    lines = []
    result = measure_robustness(IngestionSettings(), files, progress=lines.append)
    assert result.figures["robust.files"] == 2
    assert result.figures["robust.ready"] == 1
    assert result.figures["robust.failed"] == 1
    assert result.figures["robust.workers_lost"] == 0
    assert result.reasons == "1 x is damaged or not what its ending says"
    assert len(lines) == 1
