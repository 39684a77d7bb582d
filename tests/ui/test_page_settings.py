"""Settings: saved whole or not at all; what the environment sets is fixed; keys are never shown."""

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from docmind.errors import ModelError
from docmind.storage.settings import (
    load_settings,
    read_saved,
    remember_saved,
    save_settings,
)
from docmind.ui import shared_app
from tests.ui.conftest import button, words


def save(tab):
    button(tab, "Save").click().run()
    return tab


def test_a_change_is_saved_and_waits_for_a_restart(open_page, app):
    tab = open_page("settings")
    tab.number_input(key="setting-llm-temperature").set_value(0.7)
    tab.text_input(key="setting-llm-model").set_value("smollm2-135m")
    save(tab)
    assert read_saved(app.settings.data_dir) == {
        "llm": {"temperature": 0.7, "model": "smollm2-135m"}
    }
    assert "used after a restart" in words(tab)


def test_what_was_saved_can_be_taken_back_before_the_restart(open_page, app):
    tab = open_page("settings")
    tab.text_input(key="setting-llm-model").set_value("no-such-model")
    save(tab)
    tab.text_input(key="setting-llm-model").set_value("")
    save(tab)
    assert read_saved(app.settings.data_dir) == {"llm": {"model": None}}


def test_an_embedding_model_that_cannot_be_loaded_is_not_saved(open_page, app):
    tab = open_page("settings")
    tab.text_input(key="setting-retrieval-embedding_model").set_value("no-such-model")
    save(tab)
    shown = words(tab).replace("\\", "")
    assert "Nothing was saved" in shown
    assert "no-such-model" in shown
    assert read_saved(app.settings.data_dir) == {}


def test_settings_that_were_taken_back_are_named(open_page, app):
    app.engine.now = replace(app.engine.now, notice="llm.model = bad did not work.")
    assert "llm.model = bad did not work" in words(open_page("settings")).replace("\\", "")


def test_nothing_changed_nothing_saved(open_page, app):
    assert "Nothing was changed" in words(save(open_page("settings")))
    assert read_saved(app.settings.data_dir) == {}


def test_a_value_that_cannot_be_used_is_named_and_nothing_is_saved(open_page, app):
    tab = open_page("settings")
    tab.number_input(key="setting-llm-temperature").set_value(9.0)
    tab.selectbox(key="setting-store-mode").set_value("server")
    save(tab)
    assert "Nothing was saved" in words(tab)
    assert "**Model\\: Temperature**" in words(tab)
    assert read_saved(app.settings.data_dir) == {}


def test_an_automatic_value_can_be_set_and_returned(open_page, app):
    tab = open_page("settings")
    assert tab.number_input(key="setting-engine-max_model_len").value is None
    tab.selectbox(key="setting-engine-enforce_eager").set_value(False)
    save(tab)
    assert read_saved(app.settings.data_dir) == {"engine": {"enforce_eager": False}}


def test_what_the_environment_sets_is_fixed(open_page, app, monkeypatch):
    monkeypatch.setenv("DOCMIND_LLM__MODEL", "smollm2-135m")
    app.settings = load_settings()
    field = open_page("settings").text_input(key="setting-llm-model")
    assert field.disabled
    assert field.value == "smollm2-135m"
    assert "from environment" in field.label


def test_keys_are_never_shown(open_page, app, monkeypatch):
    monkeypatch.setenv("DOCMIND_LLM__API_KEY", "sk-secret-123")
    app.settings = load_settings()
    tab = save(open_page("settings"))
    assert "A key is set" in words(tab)
    assert "sk-secret" not in words(tab)
    for field in tab.text_input:
        assert "sk-secret" not in str(field.value)


@pytest.fixture
def checked(app, monkeypatch):
    """The app can't be built with the embedding model "gone"."""

    def get_app():
        if load_settings().retrieval.embedding_model == "gone":
            raise ModelError("There is no embedding model.")
        return app

    def try_model(settings):
        if settings.retrieval.embedding_model == "gone":
            raise ModelError("There is no embedding model.")

    monkeypatch.setattr(shared_app, "get_app", get_app)
    monkeypatch.setattr("docmind.app.try_embedding_model", try_model)


def test_a_setting_that_stops_the_start_can_be_corrected(checked, app, open_page):
    save_settings(app.settings.data_dir, {"retrieval": {"embedding_model": "gone"}})
    tab = open_page("settings")
    assert "There is no embedding model" in words(tab)
    tab.text_input(key="setting-retrieval-embedding_model").set_value("minilm")
    save(tab)
    assert not tab.exception
    assert "could not start" not in words(tab)
    assert "used after a restart" not in words(tab), "it has just started with them"
    assert tab.text_input(key="setting-retrieval-embedding_model").value == "minilm"


def test_where_the_app_does_not_start_any_page_takes_the_last_change_back(checked, app, open_page):
    data_dir = app.settings.data_dir
    save_settings(data_dir, {"llm": {"temperature": 0.5}})
    remember_saved(data_dir)
    save_settings(data_dir, {"retrieval": {"embedding_model": "gone"}})
    tab = open_page("chat")
    assert "could not start" in tab.title[0].value
    button(tab, "Take the last change of the settings back").click().run()
    assert "could not start" not in tab.title[0].value
    assert read_saved(data_dir) == {"llm": {"temperature": 0.5}}


@pytest.fixture
def damaged(app):
    """A saved setting can't be read."""
    save_settings(app.settings.data_dir, {"llm": {"model": "a/b"}})
    with closing(sqlite3.connect(app.settings.database)) as database:
        database.execute("UPDATE settings SET value = '{not json'")
        database.commit()


def test_settings_that_cannot_be_set_aside_are_not_offered_to(
    damaged, checked, open_page, monkeypatch
):
    # Root may write everywhere.
    monkeypatch.setattr("docmind.ui.settings_form.os.access", lambda *_: False)
    labels = [found.label for found in open_page("settings").button]
    assert labels == ["Try again"]


def test_damaged_settings_can_be_set_aside(damaged, checked, app, open_page):
    tab = open_page("settings")
    button(tab, "Set the saved settings aside").click().run()
    assert not tab.exception
    assert "could not start" not in words(tab)
    assert read_saved(app.settings.data_dir) == {}
    (aside,) = app.settings.data_dir.glob("settings-*.json")
    assert "{not json" in aside.read_text()
