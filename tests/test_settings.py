import json
import os

import pytest

from docmind.errors import ConfigError
from docmind.settings import Settings, load_settings, save_settings


@pytest.fixture(autouse=True)
def _clean(monkeypatch, tmp_path):
    for name in [n for n in os.environ if n.startswith("DOCMIND_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOCMIND_DATA_DIR", str(tmp_path / "data"))


def test_environment_goes_before_saved_before_default(monkeypatch):
    settings = load_settings()
    assert settings.llm.temperature == 0
    save_settings(settings.saved_file, {"llm": {"temperature": 0.5, "max_answer_tokens": 99}})
    monkeypatch.setenv("DOCMIND_LLM__TEMPERATURE", "0.9")
    settings = load_settings()
    assert (settings.llm.temperature, settings.llm.max_answer_tokens) == (0.9, 99)


def test_saving_keeps_what_was_saved_before():
    settings = load_settings()
    save_settings(settings.saved_file, {"llm": {"model": "a/b"}})
    save_settings(settings.saved_file, {"store": {"mode": "local"}})
    assert json.loads(settings.saved_file.read_text()) == {
        "llm": {"model": "a/b"},
        "store": {"mode": "local"},
    }


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


def test_settings_that_cannot_be_written_say_so_and_stay(tmp_path):
    settings = load_settings()
    save_settings(settings.saved_file, {"llm": {"model": "a/b"}})
    settings.saved_file.with_suffix(".part").mkdir()
    with pytest.raises(ConfigError, match="can't be written"):
        save_settings(settings.saved_file, {"llm": {"model": "c/d"}})
    assert load_settings().llm.model == "a/b"


def test_a_damaged_settings_file_is_named(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "settings.json").write_text("{broken")
    with pytest.raises(ConfigError, match=r"settings\.json"):
        load_settings()


def test_a_misspelt_setting_is_noticed(monkeypatch):
    monkeypatch.setenv("DOCMIND_LLM__MODLE", "x")
    with pytest.raises(ConfigError, match=r"llm\.modle"):
        load_settings()


def test_every_field_has_a_description():
    for group in Settings.model_fields.values():
        assert group.description or all(
            f.description for f in group.annotation.model_fields.values()
        )
