"""What every test stands on: one thread of arithmetic each, and a home of its own."""

import os

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"  # before NumPy or torch load; tests run on all cores as it is

import pytest
from hypothesis import settings

settings.register_profile("halflife", deadline=None)  # machines are shared: no test asserts a time
settings.load_profile("halflife")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A fresh HALFLIFE_HOME; nobody's real store is ever touched."""
    monkeypatch.setenv("HALFLIFE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("HALFLIFE_DB", raising=False)
    return tmp_path / "home"


def pytest_collection_modifyitems(items):
    """Skip what wants a card where there is none."""
    wanting = [item for item in items if item.get_closest_marker("gpu")]
    if wanting:
        import torch

        if not torch.cuda.is_available():
            for item in wanting:
                item.add_marker(pytest.mark.skip(reason="PyTorch can use no card here"))
