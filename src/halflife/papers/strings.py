"""Stability of Superconducting Strings (arXiv 2412.12259).

The paper published no code, and of its text only the abstract was at hand, with one exponent as a
later public note quotes it. So the claims are the abstract's sentences, and what they are tried on
is our own model of each: no equation here is the paper's. A verdict reads accordingly: "supported"
means supported by an independent model; on decays into other particles, for a scalar toy, whose
spinor factors are not the paper's; on scattering, that the mechanism is there, at a rate that
cannot be reproduced without the text. Here are the sentences; their trials, rules and plots stand
in the `_strings_…` modules, a family each, with thresholds that were fixed before any run. A rule
is met by every loop and every draw of radii, masses and energies, or fails. What was known when a
second version of a claim was designed stands in the notebook.
"""

from __future__ import annotations

from datetime import date

from halflife.lab import Paper, Scale, Study
from halflife.papers import _strings_decays as decays
from halflife.papers import _strings_escape as escape
from halflife.papers import _strings_local as local
from halflife.papers import _strings_loops as loops
from halflife.papers import _strings_ripples as ripples

paper = Paper(
    slug="strings",
    title="Stability of Superconducting Strings",
    authors=("Keisuke Harigaya", "Xuce Niu", "Wei Xue", "Fengwei Yang"),
    arxiv="2412.12259",
    published=date(2024, 12, 16),
    summary=(
        "A cosmic string can carry charged fermions as massless modes along its core, a current "
        "that never decays as long as they stay. On a closed loop their momentum pushes outward, "
        "and where it balances the tension the loop comes to rest: a vorton. The paper asks "
        "whether it lasts. On a lattice the loop sheds its energy as Goldstone bosons and settles. "
        "The modes then have energies far above the fermion's mass outside, which was thought to "
        "let them go; a curved string holds them all the same, up to an energy that grows with "
        "the loop. What ends them is decay into lighter particles, the slower the larger the loop; "
        "a loop that changes shape quickly opens more of it, and charged particles around the "
        "core scatter a wide mode less."
    ),
    parts=(
        "halflife.strings.vorton",
        "halflife.strings.profile",
        "halflife.strings.ZeroMode",
        "halflife.strings.Loop",
        "halflife.strings.loop.evolve_in_space",
        "halflife.strings.local.LocalLoop",
        "halflife.strings.resonances.kink_ring",
        "halflife.strings.resonances.string_ring",
        "halflife.strings.worldsheet.log_rate",
        "halflife.strings.breathing.breathing_rate",
        "halflife.strings.scattering.scattering_rate",
    ),
)

# What loops do on a lattice.


@paper.claim(where="Abstract; section 4, the loop at the classical level", version=2)
def relaxes_to_vorton(scale: Scale) -> Study:
    """A loop of global string with a zero-mode current that starts 1.2 to 2.5 times as large as
    its vorton settles at the vorton's radius, within 5 %, by radiating Goldstone bosons; without a
    current it vanishes. The box has no part in it: a longer one changes nothing, a shorter one that
    absorbs long waves ends the same way, and one that reflects them is found out.
    """
    return loops.relaxes(scale)


@paper.claim(where="Abstract: the loop relaxes by emitting Goldstone bosons")
def goldstone_damping(scale: Scale) -> Study:
    """A loop that starts up to 1.5 times as large as its vorton turns where a thin loop does that
    is damped by Goldstone radiation at long wavelength, c_f = 1 with nothing fitted, within 5 %.
    """
    return loops.damps(scale)


@paper.claim(where="Abstract: the loop relaxes by emitting Goldstone bosons; our own formula")
def friction_without_a_constant(scale: Scale) -> Study:
    """A loop that starts up to 1.5 times as large as its vorton follows, for 20 R_v, a thin loop
    whose friction knows that the tension runs, with the c_f = 0.820 of a ring that breathes at its
    own frequency, so that no constant is free: it turns within 5 % of where that one does, its
    R(t) is 5 % off in the mean, and its swing fades at the same rate within 15 %.
    """
    return loops.derived_friction(scale)


@paper.claim(where="Abstract: no over-shooting, taken literally")
def no_overshoot(scale: Scale) -> Study:
    """While it relaxes, at the L = ln 8R − 1.62 of about 4 that a lattice can hold, a loop does not
    shrink below its vorton's radius by more than 5 %.
    """
    return loops.overshoots(scale, literally=True)


@paper.claim(where="Abstract: no over-shooting that would destabilise the vorton")
def overshoot_is_harmless(scale: Scale) -> Study:
    """At L of about 4 a loop swings below its vorton's radius R_v, but not below R_v²/R0; the swing
    fades to less than half, and does not part the current from the string.
    """
    return loops.overshoots(scale, literally=False)


@paper.claim(
    where="Abstract: the vorton is stable; that it is so as no circle is our question",
    scales=("smoke", "laptop", "gpu"),
)
def ripples_stay_small(scale: Scale) -> Study:
    """A ripple of 5 % on a vorton, in three dimensions, in its plane or out of it, does not grow
    to more than twice its size, and the current stays on the string.
    """
    return ripples.stay_small(scale)


@paper.claim(
    where="Abstract: most of it carries over to local strings; of loops only, at critical coupling"
)
def local_loops_swing_on(scale: Scale) -> Study:
    """A zero-mode current holds a loop of local string too, which vanishes without one: it turns
    within 5 % of R_v²/R0 and of R0, where a loop of constant tension does that nothing damps. As
    there are no Goldstone bosons it keeps four fifths of its swing for 20 R_v, in which a loop of
    global string loses more than half.
    """
    return local.swings_on(scale)


# What zero modes do on a curved string.


@paper.claim(
    where="Abstract, tried on an independent model; the exponent as a later note quotes it",
    version=2,
)
def escape_law(scale: Scale) -> Study:
    """A zero mode leaves a curved string at a rate (m²/E) e^{−B} up to a factor of two, with B
    from the barrier of a thin core, 2m³R/(3E²) at large energies: exactly so on a kink bent to a
    ring, for E from 1.5 m to 5 m and on to 8 m, on loops that still hold that, m R from 150 on.
    """
    return escape.law(scale)


@paper.claim(where="Abstract: quantum treatment; tried on an independent model")
def escape_from_a_string(scale: Scale) -> Study:
    """On a loop of global string, all four components of the fermion solved for, the zero mode
    leaves at a rate (m²/E) e^{−B} up to a factor of two, with B from the string's true profile.
    """
    return escape.from_a_string(scale)


@paper.claim(where="Abstract: the largest energy of a zero mode; tried on an independent model")
def far_above_the_mass(scale: Scale) -> Study:
    """The highest zero mode that stays on a kink ring for 10⁶/m has more than 2m, where m was
    thought to be the limit, for m R of 200 and more; and it grows as the square root of the radius.
    """
    return escape.largest(scale)


@paper.claim(where="Abstract: both treatments agree; tried on an independent model", version=2)
def classical_and_quantum(scale: Scale) -> Study:
    """On a global string the largest energy grows as the square root of the loop's radius both
    for a classical particle of mass m f, which must have a place to turn, and for a quantum that
    is to stay for 10⁶/m; and one is within a factor of four of the other if the core is 1/m wide.
    """
    return escape.both_limits(scale)


@paper.claim(
    where="Abstract: decays into other particles; a scalar toy, without the paper's spinors"
)
def lighter_particles_gain(scale: Scale) -> Study:
    """Beside a zero mode's own escape, decay into a lighter particle grows with the radius, as
    exp(2(m³ − M³)R/(3E²)) at large energies; into one as heavy as the fermion it does not.
    """
    return decays.gains(scale)


@paper.claim(where="Abstract: the dominant decays; a scalar toy, without the paper's spinors")
def lighter_particles_win(scale: Scale) -> Study:
    """In vortons that survive escape, decay of the topmost zero mode into a lighter particle,
    within what curvature leaves open, is faster than its escape although it mixes as weakly as
    ε⁴ = 10⁻⁶ m².
    """
    return decays.wins(scale)


@paper.claim(where="Abstract: suppression by curvature; a scalar toy, without the paper's spinors")
def curvature_suppresses(scale: Scale) -> Study:
    """Decay rates of a scalar toy fall exponentially for heavy final states, ln Γ with a slope
    that tends to −2/3 in M³R/E²; and with a vertex that flips chirality they fall as R^{−2/3}
    even for massless ones.
    """
    return decays.suppressions(scale)


@paper.claim(where="Abstract: non-adiabatic changes; a scalar toy, without the paper's spinors")
def changes_of_shape(scale: Scale) -> Study:
    """A loop that breathes decays faster than the average of its static rates, by more than a
    fifth at ΩR = 4, the more the faster it breathes and the heavier the particle; a slow one, at
    ΩR = 1/4, does not, to two per cent.
    """
    return decays.breathes(scale)


@paper.claim(
    where="Abstract: scattering; the mechanism only, the rate cannot be had without the text"
)
def wide_modes_scatter_less(scale: Scale) -> Study:
    """Light charges that sit around the core, within a fifth of 1/m, scatter a zero mode the less
    the wider it is, as a whole and out of the string, by momenta above the binding scale 2m. Not
    judged, as a control: charges that are everywhere, where break-up goes the other way.
    """
    return decays.scatters(scale)
