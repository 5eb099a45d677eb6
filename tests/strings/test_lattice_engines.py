"""The engines: one result, that of the equation."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import CubicSpline

from halflife.strings.lattice import Field, Grid, Outgoing, Reflecting, memory, reference
from halflife.strings.lattice.engines import Late, resolve

compiles = pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")  # Inductor's own
CASES = {
    "periodic box": Grid((9, 8, 11), 0.5),
    "mixed box": Grid((7, 6, 9), 0.4, edges=("fixed", "periodic", ("reflecting", "outgoing"))),
    "box in tiles": Grid((5, 130, 150), 0.5, edges="reflecting"),
    "plane": Grid((14, 17), 0.5, edges=("reflecting", "periodic")),
    "axis": Grid((13, 16), 0.5, "axisymmetric", edges="outgoing"),
    "half of a loop": Grid(
        (12, 9), 0.5, "axisymmetric", edges=("fixed", (Reflecting((1, -1)), Outgoing()))
    ),
    "line": Grid((31,), 0.5, edges="fixed"),
}


def random_field(grid, seed=0, **options):
    rng = np.random.default_rng(seed)
    phi = rng.normal(size=(2, *(n + 2 for n in grid.shape))) * 0.6
    velocity = rng.normal(size=(2, *grid.shape)) * 0.3
    return Field(grid, phi, velocity, **options)


def mixed_moves(field, damped):
    rates = [np.linspace(0, 0.7, n) for n in field.grid.shape]
    damping = field.damping(rates, 0.1) if damped else None
    field.kick_drift(0.05, 0.1)
    for _ in range(3):
        field.kick_drift(0.1, 0.1, damping)
    field.kick(0.05)
    field.drift(0.03)
    return field


def assert_same_bits(one, two):
    assert torch.equal(one.padded, two.padded)
    assert torch.equal(one.velocity, two.velocity)


@pytest.mark.parametrize("damped", [False, True], ids=["free", "damped"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("case", [name for name in CASES if name != "line"])
def test_numba_and_pytorch_give_the_same_bits(case, dtype, damped):
    one, two = (
        mixed_moves(random_field(CASES[case], dtype=dtype, engine=engine), damped)
        for engine in ("eager", "numba")
    )
    assert one.engine.name == "eager"
    assert two.engine.name == "numba"
    assert_same_bits(one, two)


@compiles
def test_compiled_pytorch_gives_the_same_bits():
    grid = CASES["axis"]
    one, two = (
        mixed_moves(random_field(grid, dtype=torch.float32, engine=engine), damped=True)
        for engine in ("numba", "torch")
    )
    assert two.engine.name == "torch"
    assert_same_bits(one, two)


@pytest.mark.slow
@compiles
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("case", CASES)
def test_compiled_pytorch_gives_the_same_bits_everywhere(case, dtype):
    for damped in (False, True):
        one, two = (
            mixed_moves(random_field(CASES[case], dtype=dtype, engine=engine), damped)
            for engine in ("eager", "torch")
        )
        assert_same_bits(one, two)


@pytest.mark.gpu
@compiles
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_card_gives_the_same_up_to_rounding(dtype):
    one = mixed_moves(random_field(CASES["mixed box"], dtype=dtype), damped=True)
    two = mixed_moves(random_field(CASES["mixed box"], dtype=dtype, device="cuda"), damped=True)
    assert two.engine.name == "torch"
    limit = 1e-5 if dtype == torch.float32 else 1e-13
    torch.testing.assert_close(two.padded.cpu(), one.padded, rtol=limit, atol=limit)


@pytest.mark.parametrize("threads", [2, 3])
def test_any_number_of_threads_gives_the_same_bits(threads, monkeypatch):
    monkeypatch.setattr("halflife.strings.lattice.compiled._SHARE", 1)
    for case in ("periodic box", "axis"):
        one = mixed_moves(random_field(CASES[case]), damped=False)
        monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
        many = mixed_moves(random_field(CASES[case]), damped=False)
        field, plain = random_field(CASES[case]), random_field(CASES[case], engine="eager")
        plain.kick_drift(0.1, 0.1)
        inner = (slice(None), *(slice(1, -1),) * field.grid.axes)
        assert torch.equal(late_step(field, False, True, True)[inner], plain.phi)
        monkeypatch.undo()
        monkeypatch.setattr("halflife.strings.lattice.compiled._SHARE", 1)
        assert_same_bits(one, many)


def late_step(field, damped, low, high):
    """One step whose halo in the first axis holds no numbers until the engine waits for it."""
    halos = [plane for plane, late in ((0, low), (-1, high)) if late]
    there = {plane: field.padded[:, plane].clone() for plane in halos}
    for plane in halos:
        field.padded[:, plane] = torch.nan

    def arrive():
        for plane, values in there.items():
            field.padded[:, plane] = values

    rates = [np.linspace(0, 0.7, n) for n in field.grid.shape]
    damping = field.damping(rates, 0.1) if damped else None
    late = Late(low, high, arrive)
    return field.engine.kick_drift(field.padded, field.velocity, (0.1, 0.1), damping, late)


@pytest.mark.parametrize(("low", "high"), [(True, True), (True, False), (False, True)])
@pytest.mark.parametrize("damped", [False, True], ids=["free", "damped"])
@pytest.mark.parametrize("engine", ["eager", "numba"])
def test_planes_whose_halo_is_late_come_last_and_get_the_same_bits(engine, damped, low, high):
    thin = {"two planes": Grid((2, 6, 9), 0.5), "three planes": Grid((3, 6, 9), 0.5)}
    for grid in (CASES | thin).values():
        if grid.axes == 1 and engine == "numba":
            continue
        late, plain = (random_field(grid, engine=engine) for _ in range(2))
        rates = [np.linspace(0, 0.7, n) for n in grid.shape]
        plain.kick_drift(0.1, 0.1, plain.damping(rates, 0.1) if damped else None)
        moved = late_step(late, damped, low, high)
        inner = (slice(None), *(slice(1, -1),) * grid.axes)
        assert torch.equal(moved[inner], plain.phi)
        assert torch.equal(late.velocity, plain.velocity)


@compiles
@pytest.mark.slow
def test_planes_whose_halo_is_late_get_the_same_bits_from_compiled_pytorch():
    for case in ("periodic box", "axis"):
        late, plain = (random_field(CASES[case], engine=e) for e in ("torch", "eager"))
        assert late.engine.name == "torch"
        plain.kick_drift(0.1, 0.1)
        moved = late_step(late, damped=False, low=True, high=True)
        inner = (slice(None), *(slice(1, -1),) * late.grid.axes)
        assert torch.equal(moved[inner], plain.phi)
        assert torch.equal(late.velocity, plain.velocity)


@pytest.mark.parametrize("engine", ["eager", "numba"])
@pytest.mark.parametrize("case", CASES)
def test_a_step_is_that_of_the_equation(case, engine):
    grid = CASES[case]
    if grid.axes == 1 and engine == "numba":
        pytest.skip("Numba wants two or three axes")
    field = random_field(grid, dtype=torch.float64, engine=engine)
    padded, velocity = field.padded.numpy().copy(), field.velocity.numpy().copy()
    force = field.force().numpy()
    scale = np.abs(force).max()
    np.testing.assert_allclose(force, reference.acceleration(padded, grid), atol=1e-14 * scale)
    reference.kick_drift(padded, velocity, 0.1, 0.2, grid)
    field.kick_drift(0.1, 0.2)
    inner = (slice(None), *(slice(1, -1),) * grid.axes)
    np.testing.assert_allclose(field.phi.numpy(), padded[inner], atol=1e-14 * scale)
    np.testing.assert_allclose(field.velocity.numpy(), velocity, atol=1e-14 * scale)


@pytest.mark.parametrize("case", [name for name in CASES if name != "box in tiles"])
def test_the_energy_is_that_of_a_loop_over_cells_and_bonds(case):
    field = random_field(CASES[case], dtype=torch.float64)
    expected = reference.energy(field.padded.numpy(), field.velocity.numpy(), CASES[case])
    assert field.energy().total == pytest.approx(expected, rel=1e-13)


def test_a_large_energy_is_summed_in_pieces_and_the_same(monkeypatch):
    for case in CASES:
        field = random_field(CASES[case], dtype=torch.float64)
        field.lag = 0.05
        whole, charge = field.energy(), field.charge()
        monkeypatch.setattr("halflife.strings.lattice.energy._CHUNK", 1)
        pieces = field.energy()
        for part in ("kinetic", "gradient", "potential"):
            assert getattr(pieces, part) == pytest.approx(getattr(whole, part), rel=1e-13)
        assert field.charge() == pytest.approx(charge, rel=1e-12, abs=1e-12)
        monkeypatch.undo()


@settings(max_examples=40)
@given(
    case=st.sampled_from([name for name in CASES if "outgoing" not in repr(CASES[name]).lower()]),
    seed=st.integers(0, 2**32 - 1),
    where=st.integers(0, 2**31),
)
def test_the_force_is_the_gradient_of_the_energy(case, seed, where):
    grid = CASES[case]
    field = random_field(grid, seed, dtype=torch.float64)
    site = np.unravel_index(where % (2 * grid.sites), (2, *grid.shape))
    force = float(field.force()[site])
    step = 1e-5
    energies = []
    for change in (step, -2 * step):
        field.phi[site] += change
        field.fill_halo()
        energies.append(field.energy().total)
    volume = np.broadcast_to(grid.volume, grid.shape)[site[1:]]
    slope = (energies[1] - energies[0]) / (2 * step) / volume
    assert slope == pytest.approx(force, rel=1e-5, abs=1e-4)


def test_a_quarter_turn_and_a_mirror_change_no_bit():
    grid = Grid((8, 8, 8), 0.5)
    rng = np.random.default_rng(1)
    phi = rng.normal(size=(2, 8, 8, 8))
    turns = {
        "turn": lambda a: np.rot90(a, axes=(1, 2)),
        "mirror": lambda a: np.flip(a, 3),
        "parity": lambda a: np.flip(a, (1, 2, 3)),
    }
    for engine in ("eager", "numba"):
        for turn in turns.values():
            plain = Field(grid, phi, engine=engine)
            turned = Field(grid, turn(phi).copy(), engine=engine)
            for field in (plain, turned):
                field.kick_drift(0.1, 0.1)
            again = torch.from_numpy(turn(plain.phi.numpy()).copy())
            assert torch.equal(turned.phi, again)


def test_the_radial_laplacian_is_exact_for_squares_up_to_the_axis():
    grid = Grid((20, 12), 0.25, "axisymmetric", edges="fixed")
    field = Field(grid, lambda r, z: (r**2 + z**2, 0 * r * z), dtype=torch.float64)
    phi = field.phi[0]
    laplacian = field.force()[0] + phi * (phi**2 - 1)
    np.testing.assert_allclose(laplacian, 6.0, rtol=1e-11)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_vacuum_stays_exactly_at_rest(dtype):
    grid = Grid((30, 20), 0.37, "axisymmetric", edges="outgoing")
    field = Field(grid, lambda r, z: (1 + 0 * r * z, 0 * r * z), dtype=dtype)
    for _ in range(10):
        field.kick_drift(0.1, 0.1)
    assert torch.equal(field.phi[0], torch.ones_like(field.phi[0]))
    assert not field.velocity.any()


def test_a_round_blob_is_the_same_in_both_geometries():
    def blob(r2):
        return 1 - 0.4 * np.exp(-r2 / 8), 0.3 * np.exp(-r2 / 8)

    differences = []
    for h in (0.5, 0.25):
        n = int(12 / h)
        flat = Grid((2 * n, 2 * n, 2 * n), h, edges="reflecting")
        around = Grid((n, 2 * n), h, "axisymmetric", edges="reflecting")
        box = Field(flat, lambda x, y, z: blob(x**2 + y**2 + z**2))
        disc = Field(around, lambda r, z: blob(r**2 + z**2))
        for field in (box, disc):
            for _ in range(int(3 / (0.4 * h))):
                field.kick_drift(0.4 * h, 0.4 * h)
        r = np.hypot(around.centres(0), h / 2)[: int(8 / h)]  # of the column at y = z = h/2
        radial = CubicSpline(around.centres(0), disc.phi[0, :, n].numpy())
        differences.append(np.abs(box.phi[0, n : n + len(r), n, n].numpy() - radial(r)).max())
    assert differences[0] < 2e-3
    assert differences[1] < 0.3 * differences[0]


@pytest.mark.parametrize(
    ("engine", "device", "axes", "words"),
    [
        ("numba", "meta", 2, "engine 'numba' runs on a processor"),
        ("numba", "cpu", 1, "two or three axes; for one take 'eager'"),
        ("jax", "cpu", 2, "engine must be 'auto', 'torch', 'numba' or 'eager', got 'jax'"),
    ],
)
def test_an_engine_that_cannot_compute_there_is_refused(engine, device, axes, words):
    with pytest.raises(ValueError, match=words):
        resolve(engine, torch.device(device), axes)


@given(
    outer=st.lists(st.integers(1, 5), min_size=1, max_size=3),
    length=st.integers(1, 1100),
    dtype=st.sampled_from([torch.float32, torch.float64]),
)
def test_rows_of_phi_begin_lines_of_the_cache_but_not_of_a_page(outer, length, dtype):
    field = memory.spaced((*outer, length + 2), dtype)
    assert field.shape == (*outer, length + 2)
    assert field[..., 1:].data_ptr() % 64 == 0
    pitch = field.stride(-2) * dtype.itemsize
    assert pitch % 64 == 0
    assert pitch % 4096 != 0
    assert pitch < (length + 2) * dtype.itemsize + 128
    whole = memory.rows(field)
    assert whole.is_contiguous()
    whole.zero_()
    field.fill_(1)
    assert whole.sum() == field.numel()


def test_without_a_compiler_pytorch_runs_as_it_stands_and_says_so(monkeypatch):
    monkeypatch.setattr("halflife.strings.lattice.engines.has_compiler", lambda: False)
    with pytest.warns(UserWarning, match=r"Install g\+\+ or take engine='numba'"):
        field = random_field(CASES["plane"], engine="torch")
    assert field.engine.name == "eager"
    field.kick_drift(0.1, 0.1)


def test_bad_values_are_refused_by_name():
    grid = CASES["plane"]
    with pytest.raises(ValueError, match=r"phi must be of shape \(2, 14, 17\) or \(2, 16, 19\)"):
        Field(grid, np.zeros((2, 3, 3)))
    with pytest.raises(ValueError, match="velocity must be finite"):
        Field(grid, np.zeros((2, 14, 17)), np.full((2, 14, 17), np.nan))
    with pytest.raises(ValueError, match="dtype must be"):
        Field(grid, np.zeros((2, 14, 17)), dtype=torch.float16)
    with pytest.raises(ValueError, match="device must be 'cpu', 'cuda' or 'cuda:1' and so on"):
        Field(grid, np.zeros((2, 14, 17)), device="tpu")
    with pytest.raises(ValueError, match=r"'cuda:99' asks for a card, .* take device='cpu'"):
        Field(grid, np.zeros((2, 14, 17)), device="cuda:99")
    field = random_field(grid)
    with pytest.raises(ValueError, match="rates must be 2"):
        field.damping([None], 0.1)
    with pytest.raises(ValueError, match=r"rates\[1\] must be 17 numbers of at least 0"):
        field.damping([None, -np.ones(17)], 0.1)
