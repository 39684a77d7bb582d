import json

from benchmarks.report import BEGIN, END, write_report


def save(folder, name, **figures):
    record = {
        "command": "docmind x",
        "commit": "abc",
        "machine": {"gpu": None, "cpu": "a CPU", "cores": 2, "ram_gib": 4},
        "notes": "quiet",
        "figures": figures,
    }
    (folder / f"{name}.json").write_text(json.dumps(record))


def test_tables_are_made_from_the_results_and_replaced_the_next_time(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text(f"# Benchmarks\n\nWords.\n\n{BEGIN}\nold\n{END}\n\nMore words.\n")
    save(tmp_path, "one", **{"engine.load_s": 23.4, "citations.choose.cosine_0.60.true_rate": 0.1})
    save(tmp_path, "two", **{"engine.load_s": 12345.6, "retrieval.x.hybrid.ndcg10": 0.5})
    assert write_report(tmp_path, readme) == 2
    text = readme.read_text()
    assert "| `engine.load_s` | 23.4 | 12,346 |" in text
    assert "| `retrieval.x.hybrid.ndcg10` | 0.5 |" in text
    assert "choose" not in text
    assert "old" not in text
    assert text.startswith("# Benchmarks\n\nWords.\n")
    assert text.endswith("More words.\n")
    write_report(tmp_path, readme)
    assert readme.read_text() == text


def test_a_readme_without_a_place_for_them_gets_one(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text("# Benchmarks\n")
    save(tmp_path, "one", **{"ui.rerun_ms": 9.0})
    write_report(tmp_path, readme)
    assert "| `ui.rerun_ms` | 9 |" in readme.read_text()
