import json
import os
import sqlite3
from contextlib import closing

import pytest

from docmind.errors import ConfigError
from docmind.settings import Settings
from docmind.storage.settings import (
    BEFORE_FILE,
    can_take_back,
    has_saved,
    load_settings,
    read_saved,
    save_settings,
    set_saved_aside,
)


@pytest.fixture(autouse=True)
def _clean(monkeypatch, tmp_path):
    for name in [n for n in os.environ if n.startswith("DOCMIND_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOCMIND_DATA_DIR", str(tmp_path / "data"))


def test_environment_goes_before_saved_before_default(monkeypatch):
    settings = load_settings()
    assert settings.llm.temperature == 0
    save_settings(settings.data_dir, {"llm": {"temperature": 0.5, "max_answer_tokens": 99}})
    monkeypatch.setenv("DOCMIND_LLM__TEMPERATURE", "0.9")
    settings = load_settings()
    assert (settings.llm.temperature, settings.llm.max_answer_tokens) == (0.9, 99)


def test_saving_keeps_what_was_saved_before():
    settings = load_settings()
    save_settings(settings.data_dir, {"llm": {"model": "a/b"}})
    save_settings(settings.data_dir, {"store": {"mode": "local"}})
    assert read_saved(settings.data_dir) == {"llm": {"model": "a/b"}, "store": {"mode": "local"}}


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("DOCMIND_LLM__TEMPERATURE", "hot", "llm.temperature"),
        ("DOCMIND_ENGINE", "fast", "engine"),
        ("DOCMIND_STORE__MODE", "server", "DOCMIND_STORE__URL"),
        ("DOCMIND_SERVER__HOST", "0.0.0.0", "server.host: .*127.0.0.1"),
        ("DOCMIND_CONTEXT__LOW_WATER_MARK", "1.0", "low_water_mark"),
    ],
)
def test_settings_that_cannot_work_say_which(monkeypatch, name, value, told):
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=told):
        load_settings()


def test_a_data_folder_that_cannot_be_written_says_what_to_do(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("DOCMIND_DATA_DIR", str(tmp_path / "file" / "data"))
    with pytest.raises(ConfigError, match="DOCMIND_DATA_DIR"):
        load_settings()


def test_settings_that_cannot_be_written_say_so_and_stay(monkeypatch):
    settings = load_settings()
    save_settings(settings.data_dir, {"llm": {"model": "a/b"}})
    monkeypatch.setattr("docmind.storage.database.WAIT_S", 0)
    with closing(sqlite3.connect(settings.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(ConfigError, match="can't be written"):
            save_settings(settings.data_dir, {"llm": {"model": "c/d"}})
    assert load_settings().llm.model == "a/b"


def test_a_damaged_settings_file_is_named(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "settings.json").write_text("{broken")
    with pytest.raises(ConfigError, match=r"settings\.json"):
        load_settings()


def test_a_damaged_settings_file_of_0_1_0_can_be_set_aside(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "settings.json").write_text("{broken")
    assert has_saved(tmp_path / "data")
    assert set_saved_aside(tmp_path / "data").read_text() == "{broken"
    assert not has_saved(tmp_path / "data")
    assert load_settings().llm.model is None


def test_a_damaged_saved_value_is_named_and_can_be_set_aside():
    settings = load_settings()
    save_settings(settings.data_dir, {"llm": {"model": "a/b", "temperature": 0.5}})
    with closing(sqlite3.connect(settings.database)) as database:
        database.execute("UPDATE settings SET value = '{broken' WHERE name = 'model'")
        database.commit()
    with pytest.raises(ConfigError, match=r"llm\.model .*Settings page"):
        load_settings()
    assert has_saved(settings.data_dir)
    (settings.data_dir / BEFORE_FILE).write_text("{}")
    aside = set_saved_aside(settings.data_dir)
    assert not can_take_back(settings.data_dir)
    assert json.loads(aside.read_text()) == {"llm": {"model": "{broken", "temperature": "0.5"}}
    assert not has_saved(settings.data_dir)
    assert load_settings().llm.model is None


def test_a_saved_value_that_no_longer_fits_is_named(monkeypatch):
    settings = load_settings()
    save_settings(settings.data_dir, {"llm": {"temperature": 0.5}})
    with closing(sqlite3.connect(settings.database)) as database:
        database.execute("UPDATE settings SET value = '99'")
        database.commit()
    with pytest.raises(ConfigError, match=r"llm\.temperature.*Settings page"):
        load_settings()
    monkeypatch.setenv("DOCMIND_LLM__TEMPERATURE", "0.1")
    assert load_settings().llm.temperature == 0.1


def test_reading_the_settings_makes_no_database():
    assert not load_settings().database.exists()


def test_the_env_file_of_the_working_folder_counts(tmp_path):
    (tmp_path / ".env").write_text("DOCMIND_LLM__TEMPERATURE=0.3\nDOCMIND_LLM__MODEL=c/d\n")
    save_settings(load_settings().data_dir, {"llm": {"model": "a/b", "max_answer_tokens": 99}})
    settings = load_settings()
    assert settings.llm.temperature == 0.3
    assert settings.llm.model == "c/d"
    assert settings.llm.max_answer_tokens == 99


def test_a_misspelt_setting_is_noticed(monkeypatch):
    monkeypatch.setenv("DOCMIND_LLM__MODLE", "x")
    with pytest.raises(ConfigError, match=r"llm\.modle"):
        load_settings()


def test_every_field_has_a_description_of_one_line():
    for group in Settings.model_fields.values():
        fields = getattr(group.annotation, "model_fields", {}).values()
        assert group.description or fields
        assert all(field.description for field in fields)
        assert not any("\n" in field.description for field in fields)
