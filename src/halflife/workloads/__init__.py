"""Small real problems to try a training method on: data, model, loss and metric in one object.

    from halflife.workloads import get, train

    digits = get("digits-mlp")
    train(digits, optimizer="sgd", lr=digits.lr["sgd"], schedule=lambda s, T: 1 - s / T, seed=3)

`workloads` lists what there is, `get` finds one by name, `train` is the one loop that serves all.
`read_csv` and `read_libsvm` read a table of your own and `logistic` makes a workload of it; any
other problem is a `Workload` with a method `problem`. Everything runs in memory on one core, in
float32, or on a card where a workload or `train(device=…)` asks for one, and one seed fixes all
chance. Knows nothing of papers, claims, or any one method.
"""

from halflife.workloads.catalogue import get, workloads
from halflife.workloads.classification import Classification
from halflife.workloads.curve import Curve
from halflife.workloads.gpt import GPT
from halflife.workloads.language_modelling import LanguageModelling
from halflife.workloads.logistic import logistic
from halflife.workloads.optimizers import OPTIMIZERS, OptimizerFactory
from halflife.workloads.problem import Examples, Loss, Problem
from halflife.workloads.readers import read_csv, read_libsvm
from halflife.workloads.recall import MultiQueryRecall
from halflife.workloads.table import Table
from halflife.workloads.training import train
from halflife.workloads.workload import Workload

__all__ = [
    "GPT",
    "OPTIMIZERS",
    "Classification",
    "Curve",
    "Examples",
    "LanguageModelling",
    "Loss",
    "MultiQueryRecall",
    "OptimizerFactory",
    "Problem",
    "Table",
    "Workload",
    "get",
    "logistic",
    "read_csv",
    "read_libsvm",
    "train",
    "workloads",
]
