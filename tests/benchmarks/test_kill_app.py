"""The whole app is killed while it works: after the next start all that it keeps agrees."""

import pytest

from benchmarks.kill_app import survive_kills
from docmind.models.catalog import Catalog


@pytest.mark.timeout(600)
def test_a_killed_app_loses_nothing_and_leaves_nothing(models_dir, tmp_path):
    for name in ("minilm", "e5-small"):
        Catalog(models_dir).pull(name)
    found = survive_kills(tmp_path, models_dir, times=7, seed=1)
    assert found.troubles == []
    assert found.kills == 7
    assert found.unfinished >= 4, "the kills hit the work, not an idle process"
    assert len(found.by_work) >= 6
