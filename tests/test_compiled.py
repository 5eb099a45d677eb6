"""What is compiled once and kept on disk."""

import subprocess
import sys

import pytest

FACTOR = "from numba import njit\n\n@njit\ndef times(x):\n    return {} * x\n"
MAIN = """
from halflife.compiled import kept
import factor
from factor import times

@kept(factor)
def product(x):
    return times(x)

if __name__ == "__main__":
    print(product(1), sum(product.stats.cache_hits.values()))
"""


def product(folder):
    command = [sys.executable, "main.py"]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    result, hits = done.stdout.split()
    return int(result), int(hits)


def test_a_kept_function_is_found_again_unless_a_module_it_uses_has_changed(tmp_path):
    (tmp_path / "main.py").write_text(MAIN)
    (tmp_path / "factor.py").write_text(FACTOR.format(2))
    assert product(tmp_path) == (2, 0)
    assert product(tmp_path) == (2, 1)
    (tmp_path / "factor.py").write_text(FACTOR.format("(0 + 3)"))
    assert product(tmp_path) == (3, 0)
    assert product(tmp_path) == (3, 1)


TWICE = """
import sys, time
from numba.core.caching import IndexDataCacheFile
from halflife.compiled import kept

@kept()
def twice(x):
    return x + x

if __name__ == "__main__":
    number, wait, more = eval(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
    read, saved = IndexDataCacheFile._load_index, IndexDataCacheFile._save_data
    IndexDataCacheFile._load_index = lambda self: (read(self), time.sleep(wait))[0]
    IndexDataCacheFile._save_data = lambda *given: (time.sleep(more), saved(*given))
    print(twice(number), sum(twice.stats.cache_hits.values()))
"""


@pytest.mark.slow
def test_two_processes_that_compile_at_once_keep_code_of_their_own(tmp_path):
    """Numba alone gives both the same file, and serves one's code to the other."""
    (tmp_path / "main.py").write_text(TWICE)

    def twice(*arguments):
        command = [sys.executable, "main.py", *arguments]
        return subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True)

    # Both read the list of files; the first enters itself first and writes its file last.
    both = [twice("1", "3", "3"), twice("2j", "4", "0")]
    assert [process.communicate(timeout=120)[0].split()[0] for process in both] == ["2", "4j"]
    assert twice("1", "0", "0").communicate(timeout=120)[0].split() == ["2", "1"]
    assert twice("2j", "0", "0").communicate(timeout=120)[0].split() == ["4j", "1"]


def test_a_function_is_compiled_where_nothing_can_be_kept(tmp_path):
    code = "from halflife.compiled import kept\nprint(kept()(eval('lambda x: 2 * x'))(1))"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=tmp_path
    )
    assert done.stdout.split() == ["2"]
