import sysconfig

import pytest

from halflife.errors import HalflifeError
from halflife.workloads.standard_library import LEFT_OUT, standard_library


@pytest.fixture
def library(tmp_path, monkeypatch):
    """Twelve files of their own number, one short one, and folders to leave out."""
    for number in range(12):
        folder = tmp_path / ("package" if number % 2 else "")
        folder.mkdir(exist_ok=True)
        (folder / f"{number:02}.py").write_bytes(bytes([number]) * 50)
    (tmp_path / "short.py").write_bytes(b"x" * 5)
    (tmp_path / "empty.py").write_bytes(b"")
    for name in LEFT_OUT:
        (tmp_path / name).mkdir()
        (tmp_path / name / "module.py").write_bytes(b"y" * 50)
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path))
    return tmp_path


def test_files_come_in_the_order_of_their_paths_without_what_is_left_out(library):
    texts = standard_library()
    assert [text[0] for text in texts] == [0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11, ord("x")]
    assert standard_library() is texts


def test_only_the_first_files_and_the_first_bytes_of_those_long_enough(library):
    assert [len(text) for text in standard_library(files=11, most=20)] == [20] * 11


def test_the_real_one_is_megabytes():
    assert sum(map(len, standard_library())) > 5_000_000


def test_a_missing_library_is_said_so(tmp_path, monkeypatch):
    missing = tmp_path / "python.zip"
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(missing))
    with pytest.raises(HalflifeError, match=r"python\.zip holds 0 \.py files.*not zipped"):
        standard_library()
