import logging
import shutil

import pytest

from docmind.app import build_app, lock_data_dir
from docmind.errors import AlreadyRunning, ConfigError, ModelError, StoreError
from docmind.storage.settings import load_settings
from tests.engines import PromptedEngine


class ClosableEngine(PromptedEngine):
    closed = False

    def close(self):
        self.closed = True


def settings_for(tmp_path, models_dir, **groups):
    settings = load_settings(data_dir=tmp_path / "data", **groups)
    settings.models_dir.symlink_to(models_dir)
    return settings


def test_closing_gives_the_data_folder_back(tmp_path, models_dir, minilm):
    settings = settings_for(tmp_path, models_dir)
    engine = ClosableEngine([])
    app = build_app(settings, engine=engine)
    with pytest.raises(AlreadyRunning, match="DOCMIND_DATA_DIR"):
        lock_data_dir(settings.data_dir)
    app.close()
    assert engine.closed
    lock_data_dir(settings.data_dir).close()


def test_a_part_that_cannot_be_opened_leaves_nothing_running(tmp_path, models_dir, minilm):
    settings = settings_for(tmp_path, models_dir)
    settings.store_dir.write_text("a file where the folder of vectors should be")
    engine = ClosableEngine([])
    with pytest.raises(StoreError):
        build_app(settings, engine=engine)
    assert engine.closed
    lock_data_dir(settings.data_dir).close()  # the next try finds the folder free


def test_with_another_embedding_model_documents_are_read_anew(tmp_path, models_dir, minilm):
    """Its vectors can have the same length and mean nothing to a question's of the former one."""
    app = build_app(settings_for(tmp_path, models_dir), engine=ClosableEngine([]))
    app.documents.add_bytes(b"The notice period is three months.", "lease.txt")
    app.documents.wait()
    app.close()
    (app.settings.store_dir / "a file of somebody else").touch()
    former = app.settings.store_dir / "edge" / "former"
    former.touch()
    (app.settings.store_dir / "embedding-model").write_text("")  # as a full disk leaves it
    build_app(app.settings, engine=ClosableEngine([])).close()
    assert former.exists()

    other = shutil.copytree(minilm, tmp_path / "other-model")
    weights = (other / "model.safetensors").read_bytes()
    (other / "model.safetensors").write_bytes(weights[:1000])
    changed = load_settings(data_dir=tmp_path / "data", retrieval={"embedding_model": str(other)})
    with pytest.raises(ModelError):
        build_app(changed, engine=ClosableEngine([]))
    assert former.exists()  # a model that can't be loaded costs nothing

    (other / "model.safetensors").write_bytes(weights)
    app = build_app(changed, engine=ClosableEngine([]))
    app.documents.wait()
    assert not former.exists()
    assert [(d.state, d.passages) for d in app.documents.documents()] == [("ready", 1)]
    app.close()


def test_a_data_folder_with_something_in_the_way_says_what_to_do(tmp_path, models_dir, monkeypatch):
    monkeypatch.setattr(logging.getLogger("docmind"), "handlers", [])
    settings = settings_for(tmp_path, models_dir)
    settings.log_file.parent.write_text("a file where the folder of logs should be")
    with pytest.raises(ConfigError, match=r"data folder .*logs"):
        build_app(settings, engine=ClosableEngine([]))
    lock_data_dir(settings.data_dir).close()
