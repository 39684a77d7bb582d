"""The commands as a user runs them: each in a process of its own."""

import json
import os
import re
import socket
import subprocess
import sys
from dataclasses import asdict

import pytest

from docmind.app import lock_data_dir
from docmind.engine.interface import Attempt
from docmind.storage.collections import CollectionStore
from docmind.storage.database import Database
from docmind.storage.documents import DocumentStore
from docmind.storage.settings import read_saved


@pytest.fixture
def docmind(tmp_path, models_dir, minilm):
    """`docmind("ingest", "file")` → the finished process, on a data folder of its own."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "models").symlink_to(models_dir)

    def run(*words, **environment):
        others = {
            name: value for name, value in os.environ.items() if not name.startswith("DOCMIND_")
        }
        env = {
            **others,
            "DOCMIND_DATA_DIR": str(data),
            "COLUMNS": "200",
            "DOCMIND_LLM__MODEL": "smollm2-135m",
            **environment,
        }
        command = [sys.executable, "-m", "docmind.cli.main", *map(str, words)]
        return subprocess.run(
            command, env=env, capture_output=True, text=True, timeout=300, check=False
        )

    run.data = data
    return run


def test_ingest_tells_what_became_of_each_file(docmind, tmp_path):
    good = tmp_path / "Größe.md"
    good.write_text("# Pets\n\nPets are not allowed.\n", "utf-8")
    bad = tmp_path / "bad.docx"
    bad.write_bytes(b"no zip")
    first = docmind("ingest", good, bad)
    assert "✓ Größe.md: 1 passage," in first.stdout
    assert "bad.docx" in first.stderr
    assert first.returncode == 1
    again = docmind("ingest", good)
    assert "already there" in again.stdout
    assert again.returncode == 0


def test_ingest_into_a_collection_with_tags(docmind, tmp_path):
    (tmp_path / "lease.txt").write_text("Pets are not allowed.")
    for tag in ("2024", "flat"):
        words = ["ingest", tmp_path / "lease.txt", "--collection", "Contracts", "--tag", tag]
        assert docmind(*words).returncode == 0
    database = Database(docmind.data / "docmind.sqlite3")
    documents = DocumentStore(database)
    (document,) = documents.all()
    assert document.tags == ("2024", "flat")
    collections = CollectionStore(database, documents)
    assert collections.named("contracts").id == document.collection
    database.close()


@pytest.mark.engine
def test_ask_streams_an_answer_with_its_sources_and_json_has_it_all(docmind, tmp_path, smollm2):
    (tmp_path / "lease.txt").write_text("Pets are not allowed. The notice period is three months.")
    docmind("ingest", tmp_path / "lease.txt")
    words = ["ask", "--json", "Are pets allowed?", "--collection", "General"]
    done = docmind(*words, DOCMIND_LLM__MAX_ANSWER_TOKENS="60")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["event"] == "TurnFinished"
    assert result["answer"]
    assert result["usage"]["prompt_tokens"] > 0
    assert result["usage"]["engine_calls"] == 1  # SmolLM2 does not plan
    assert result["sources"][0]["file_name"] == "lease.txt"
    sure = docmind("ask", "--json", "Are pets allowed?", DOCMIND_AGENTS__OUTPUT_MODE="structured")
    result = json.loads(sure.stdout)
    assert 0 <= result["confidence"] <= 1
    assert {"answer", "citations", "agents", "usage", "trims", "open_points"} <= result.keys()


def test_doctor_names_what_is_there_and_what_is_missing(docmind):
    attempt = Attempt(
        at="now",
        plan="no plan",
        stage="weights",
        cause="memory",
        error="CUDA out of memory",
        response="gave up",
    )
    record = {
        "worked": {"asked": {}, "lowered": {}, "stages": [["importing vLLM", 6.4]]},
        "left": {"asked": {}, "lowered": {}, "attempts": [asdict(attempt)]},
    }
    (docmind.data / "engine.json").write_text(json.dumps(record))
    report = docmind("doctor").stdout
    assert "Engine plan" in report
    assert re.search(r"together +\d+\.\d\d GiB +of \d", report)
    assert "importing vLLM 6.4 s" in report
    assert "CUDA out of memory; gave up" in report
    assert "minilm" in report
    assert "readable" in report
    missing = docmind("doctor", DOCMIND_LLM__MODEL="/no/such/model")
    assert missing.returncode == 1
    assert "model list" in missing.stdout


def test_a_port_in_use_is_said_and_another_offered(docmind, smollm2):
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        done = docmind("run", "--port", port)
    assert done.returncode == 1
    assert f"Port {port} is taken" in done.stderr
    assert f"--port {port + 1}" in done.stderr


def test_a_second_instance_is_refused_with_a_way_out(docmind, tmp_path):
    (tmp_path / "a.txt").write_text("text")
    lock = lock_data_dir(docmind.data)
    done = docmind("ingest", tmp_path / "a.txt")
    lock.close()
    assert done.returncode == 1
    assert "Another DocMind" in done.stderr
    assert "DOCMIND_DATA_DIR" in done.stderr


def test_models_are_listed_with_what_is_here(docmind):
    table = docmind("model", "list").stdout
    assert "smollm2-135m (in use)" in table
    assert "Qwen/Qwen3-4B-Instruct-2507-FP8" in table


def test_a_model_to_answer_with_is_no_embedding_model(docmind):
    done = docmind("model", "use", "minilm")
    assert done.returncode == 1
    assert "DOCMIND_RETRIEVAL__EMBEDDING_MODEL" in done.stderr
    assert read_saved(docmind.data) == {}


def test_a_missing_file_is_named(docmind):
    done = docmind("ingest", "nowhere.pdf")
    assert done.returncode == 1
    assert "There is no file nowhere.pdf" in done.stderr


def test_what_disagrees_is_mended_and_what_is_left_is_an_error(docmind, tmp_path):
    lease = tmp_path / "lease.txt"
    lease.write_text("Pets are not allowed.")
    docmind("ingest", lease)
    (original,) = (docmind.data / "files").glob("*.txt")
    text = original.with_suffix(".json")
    text.unlink()
    mended = docmind("doctor", "--repair")
    assert "'lease.txt' has lost the text" in mended.stdout
    assert mended.returncode == 0, mended.stderr
    assert text.exists()
    original.unlink()
    left = docmind("doctor", "--repair")
    assert "Add the same file again" in left.stdout
    assert left.returncode == 1
    docmind("ingest", lease)
    well = docmind("doctor", "--repair")
    assert (well.returncode, "agree" in well.stdout) == (0, True)


def test_a_backup_is_restored_into_another_folder(docmind, tmp_path, models_dir):
    (tmp_path / "lease.txt").write_text("Pets are not allowed.")
    docmind("ingest", tmp_path / "lease.txt")
    file = tmp_path / "library.zip"
    made = docmind("backup", file)
    assert "1 document," in made.stdout, made.stderr
    assert docmind("restore", file).returncode == 1
    other = tmp_path / "other"
    other.mkdir()
    (other / "models").symlink_to(models_dir)
    restored = docmind("restore", file, DOCMIND_DATA_DIR=str(other))
    assert "1 document with 1 passage" in restored.stdout, restored.stderr
    well = docmind("doctor", "--repair", DOCMIND_DATA_DIR=str(other))
    assert "agree" in well.stdout
    (tmp_path / "broken.zip").write_bytes(file.read_bytes()[:500])
    broken = docmind("restore", "--replace", tmp_path / "broken.zip", DOCMIND_DATA_DIR=str(other))
    assert "no whole backup" in broken.stderr
