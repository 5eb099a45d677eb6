"""What is compiled once and kept on disk."""

import subprocess
import sys

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


def test_a_function_is_compiled_where_nothing_can_be_kept(tmp_path):
    code = "from halflife.compiled import kept\nprint(kept()(eval('lambda x: 2 * x'))(1))"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=tmp_path
    )
    assert done.stdout.split() == ["2"]
