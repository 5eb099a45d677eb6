"""Two processes with shards make the weights that one process makes, and say the same of them."""

import copy

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn

from halflife.optim import LionK

if not dist.is_available() or not dist.is_gloo_available():
    pytest.skip("PyTorch was built without gloo.", allow_module_level=True)

OPTIONS = [
    {"K": "l1", "fused": True},
    {"K": "l1", "foreach": True},
    {"K": "huber:e=0.01", "decay": "implicit", "fused": True},
    {"K": "l2"},
    {"K": "l2:block=row", "foreach": True},
    {"K": "top-k:k=9"},
    {"K": "nuclear"},
    {"K": "log-sum-exp"},
    {"K": "l1", "dtype": torch.bfloat16, "rounding": "kahan", "fused": True},
]


def model(dtype):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 10), nn.Tanh(), nn.Linear(10, 7, bias=False)).to(dtype)


def updates(net, optimizer, steps, dtype):
    for step in steps:
        chance = torch.Generator().manual_seed(step)
        inputs = torch.randn(16, 6, generator=chance).to(dtype)
        optimizer.zero_grad()
        net(inputs).square().mean().backward()
        optimizer.step()


def in_one_process(dtype=torch.float32, **options):
    net = model(dtype)
    updates(net, LionK(net.parameters(), lr=0.02, weight_decay=0.5, **options), range(4), dtype)
    return net.state_dict()


def in_a_process(rank, address, expected):
    from torch.distributed.fsdp import fully_shard
    from torch.distributed.tensor import DTensor

    dist.init_process_group("gloo", init_method=address, rank=rank, world_size=2)
    try:
        mesh = dist.init_device_mesh("cpu", (2,))
        for options, weights in zip(OPTIONS, expected, strict=True):
            options = dict(options)
            dtype = options.pop("dtype", torch.float32)
            net = model(dtype)
            fully_shard(net, mesh=mesh)
            optimizer = LionK(net.parameters(), lr=0.02, weight_decay=0.5, **options)
            updates(net, optimizer, range(2), dtype)
            kept = copy.deepcopy(optimizer.state_dict())  # and go on from a checkpoint
            optimizer = LionK(net.parameters())
            optimizer.load_state_dict(kept)
            updates(net, optimizer, range(2, 4), dtype)
            for name, p in net.named_parameters():
                assert isinstance(p, DTensor)
                ours = p.full_tensor()
                torch.testing.assert_close(
                    ours, weights[name], atol=1e-6, rtol=1e-5, msg=f"{name} with {options}"
                )
        with pytest.raises(ValueError, match="not cut into shards"):
            LionK(net.parameters(), state_dtype=torch.int8)
        for K in ("l1", "nuclear", "l2:block=column"):
            assert_same_diagnostics(K, mesh)
        dist.barrier()  # gloo's threads let go of the last sums, for which they want Python alive
    finally:
        dist.destroy_process_group()


def assert_same_diagnostics(K, mesh):
    from torch.distributed.tensor import Shard, distribute_tensor

    torch.manual_seed(0)
    x, g = torch.randn(6, 4), torch.randn(6, 4)
    readings = []
    for spread in (lambda t: t, lambda t: distribute_tensor(t, mesh, [Shard(0)])):
        p = nn.Parameter(spread(x.clone()))
        p.grad = spread(g.clone())
        optimizer = LionK([p], weight_decay=0.2, lr=0.1, K=K)
        optimizer.state[p]["exp_avg"] = spread(g / 2)
        readings.append(
            (
                optimizer.infeasibility(),
                optimizer.saturated_fraction(),
                optimizer.kkt_gap(),
                optimizer.lyapunov(spread(x.double()).sum()),
                optimizer.radius(),
            )
        )
    assert readings[0] == readings[1], (K, readings)


def test_two_processes_make_the_weights_and_diagnostics_of_one(tmp_path):
    expected = [in_one_process(**options) for options in OPTIONS]
    mp.spawn(in_a_process, args=(f"file://{tmp_path / 'meeting'}", expected), nprocs=2)
