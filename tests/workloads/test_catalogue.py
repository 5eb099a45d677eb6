import math
import pickle
from dataclasses import replace

import pytest

from halflife.errors import UnknownNameError
from halflife.workloads import OPTIMIZERS, get, workloads

NAMES = {
    "breast_cancer-logistic",
    "wine-logistic",
    "digits-logistic",
    "iris-logistic",
    "digits-mlp",
    "wine-mlp",
    "breast_cancer-mlp",
    "digits-conv",
    "digits-vae",
    "characters",
    "stdlib-gpt",
    "stdlib-gpt-tiny",
}


def test_the_catalogue_is_complete():
    assert set(workloads()) == NAMES


@pytest.mark.parametrize("name", workloads())
def test_a_workload_says_what_a_run_needs(name):
    workload = get(name)
    assert workload.name == name
    assert workload.summary
    assert workload.lr.keys() == OPTIMIZERS.keys()
    assert all(math.log2(lr).is_integer() for lr in workload.lr.values())


@pytest.mark.parametrize("name", workloads())
def test_a_workload_can_be_sent_to_another_process(name):
    workload = get(name)
    assert pickle.loads(pickle.dumps(workload)) == workload


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(
        UnknownNameError, match="no workload 'digit-mlp'; did you mean 'digits-mlp'"
    ):
        get("digit-mlp")


@pytest.mark.parametrize("field", ["updates", "batch_size"])
def test_budgets_and_batches_are_positive(field):
    with pytest.raises(ValueError, match=f"{field} must be at least 1, got 0"):
        replace(get("digits-mlp"), **{field: 0})
