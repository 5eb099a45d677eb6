"""What a log must be, and what is said of one that is not."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from halflife.bandits import LogError, read_log


@pytest.fixture
def frame():
    return pd.DataFrame(
        {
            "date": pd.date_range("2025-01-05", periods=6, freq="W").astype(str),
            "tv": [10.0, 20, 30, 0, 5, 1],
            "radio": [1, 2, 3, 4, 5, 6],
            "outcome": [5.0, 6, 7, 8, 9, 10],
            "price": [1.0, 1, 2, 2, 1, 1],
        }
    )


def test_a_csv_file_is_read(frame, tmp_path):
    path = tmp_path / "spend.csv"
    frame.to_csv(path, index=False)
    log = read_log(path, covariates=["price"])
    assert log.channels == ("tv", "radio")
    assert log.covariate_names == ("price",)
    assert len(log) == 6
    assert log.dates[0] == "2025-01-05"
    np.testing.assert_array_equal(log.spends[:, 0], frame["tv"])
    np.testing.assert_array_equal(log.covariates[:, 0], frame["price"])


@pytest.mark.parametrize("suffix", [".parquet", ".pq"])
def test_a_parquet_file_is_read(frame, tmp_path, suffix):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    path = tmp_path / f"spend{suffix}"
    frame.assign(date=pd.to_datetime(frame["date"])).to_parquet(path)
    log, same = read_log(path, covariates=["price"]), read_log(frame, covariates=["price"])
    assert path.read_bytes()[:4] == b"PAR1"
    assert (log.channels, log.covariate_names) == (("tv", "radio"), ("price",))
    assert log.dates == same.dates
    for name in ("spends", "outcome", "covariates"):
        np.testing.assert_array_equal(getattr(log, name), getattr(same, name))


def test_without_pyarrow_a_parquet_file_says_what_it_needs(tmp_path):
    """In an interpreter of its own, in which nothing can import pyarrow or fastparquet."""
    path = tmp_path / "spend.parquet"
    path.write_bytes(b"PAR1")
    code = (
        "import sys; sys.modules['pyarrow'] = sys.modules['fastparquet'] = None\n"
        "from halflife.bandits import read_log\n"
        f"try: read_log({str(path)!r})\n"
        "except ImportError as error: print(error)\n"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == (
        f"Reading {path} needs pyarrow: pip install pyarrow, or save the log as CSV."
    )


def test_rows_may_be_in_any_order(frame):
    mixed = read_log(frame.sample(frac=1, random_state=1))
    np.testing.assert_array_equal(mixed.outcome, frame["outcome"])


def test_columns_may_have_other_names(frame):
    other = frame.rename(columns={"date": "week", "outcome": "sales"})
    log = read_log(other, date="week", outcome="sales", channels=["radio"])
    assert log.channels == ("radio",)


@pytest.mark.parametrize("freq", ["D", "W", "MS", "ME", "h", "2W"])
def test_any_fixed_step_will_do(frame, freq):
    frame["date"] = pd.date_range("2025-01-31", periods=6, freq=freq)
    assert len(read_log(frame)) == 6


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda f: f.drop(columns="date"), "no column 'date' for the date; its columns are: tv"),
        (lambda f: f.drop(columns="outcome"), "no column 'outcome' for the outcome"),
        (lambda f: f.drop(index=3), "from 2025-01-19 to 2025-02-02, where its step elsewhere is 7"),
        (lambda f: pd.concat([f, f.iloc[:1]]), "2025-01-05 stands twice"),
        (lambda f: f.assign(tv=[1, -2, 3, 4, 5, 6]), "spend on 'tv' is -2 on 2025-01-12"),
        (lambda f: f.assign(tv=[1, None, 3, 4, 5, 6]), "'tv' has no value on 2025-01-12"),
        (lambda f: f.assign(tv=[1, "x", 3, 4, 5, 6]), "'tv' holds 'x', which is no number, on"),
        (lambda f: f.assign(outcome=[1, 2, 3, 4, 5, None]), "'outcome' has no value on 2025-02-09"),
        (lambda f: f.assign(date=range(6)), "'date' holds numbers, not dates"),
        (lambda f: f.assign(date=["?"] * 6), r"'\?' in the column 'date' is no date"),
        (lambda f: f.assign(date=[None, *f["date"][1:]]), "'date' lacks the date of row 1"),
        (lambda f: f[["date", "outcome"]], "no channel"),
        (lambda f: f.iloc[:0], "no rows"),
    ],
)
def test_a_log_that_cannot_be_used_says_why(frame, change, complaint):
    with pytest.raises(LogError, match=complaint):
        read_log(change(frame))


def test_a_month_that_is_missing_is_found(frame):
    ends = pd.date_range("2025-01-31", periods=7, freq="ME")
    frame["date"] = ends.delete(3)
    with pytest.raises(LogError, match=r"from 2025-03-31 to 2025-05-31, .* a month"):
        read_log(frame)


def test_a_column_has_one_purpose(frame):
    with pytest.raises(LogError, match="two purposes"):
        read_log(frame, channels=["tv", "price"], covariates=["price"])


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no file"):
        read_log(tmp_path / "none.csv")
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    with pytest.raises(LogError, match="cannot be read as CSV"):
        read_log(empty)
