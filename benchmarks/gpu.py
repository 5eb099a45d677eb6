"""Everything that wants a card, in one command: the tests marked `gpu`, then the benchmarks.

    python -m benchmarks.gpu [family ...]

A family adds one line to `FAMILIES`, and its tests carry the marker. Ends with status 0 if all of
it ran, 1 if a test or a benchmark failed, 2 if there is no card or no such family. The claims at
gpu scale take longer and have a command of their own: `halflife run PAPER --scale gpu`.
"""

import subprocess
import sys
import traceback
from importlib import import_module
from pathlib import Path

import torch

from halflife.errors import HalflifeError, UnknownNameError

FAMILIES = {  # name: module and function of the benchmark
    "schedules": "benchmarks.schedules:on_a_card",
    "refinement": "benchmarks.refinement:on_a_card",
    "workloads": "benchmarks.language_model:on_a_card",
    "attention": "benchmarks.attention:on_a_card",
    "strings": "benchmarks.strings:on_a_card",
}


def check(names: list[str]) -> None:
    """Raise HalflifeError if a name is no family or there is no card."""
    for name in names:
        if name not in FAMILIES:
            raise UnknownNameError("family", name, FAMILIES)
    if not torch.cuda.is_available():
        raise HalflifeError(
            f"There is no card that PyTorch {torch.__version__} can use here, so nothing was run; "
            "each family's other benchmarks need none: python -m benchmarks.refinement and so on."
        )


def tests() -> bool:
    """Run the tests that want a card; whether they pass."""
    root = Path(__file__).parents[1]
    command = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", str(root / "tests")]
    return subprocess.run(command, cwd=root, check=False).returncode == 0


def benchmark(name: str) -> bool:
    """Run one family's benchmark; whether it came to its end."""
    module, _, function = FAMILIES[name].partition(":")
    print(f"\n=== {name} on {torch.cuda.get_device_name()}", flush=True)
    try:
        getattr(import_module(module), function)()
    except Exception:  # noqa: BLE001  the other families are measured all the same
        traceback.print_exc()
        return False
    return True


def main(names: list[str]) -> int:
    try:
        check(names)
    except HalflifeError as error:
        print(error, file=sys.stderr)
        return 2
    return 0 if all([tests(), *map(benchmark, names or FAMILIES)]) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
