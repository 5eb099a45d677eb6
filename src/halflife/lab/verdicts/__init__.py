"""How runs are judged: rules made before the run, verdicts after it.

A rule holds its threshold, prints itself (`rule.sentence`) and judges a table of runs, one row a
trial (`rule.judge(runs) -> Verdict`). Rules about means also judge plain arrays (`rule.decide`).

`better`      ours beats theirs                  `exceeds`   an effect is above a threshold
`not_worse`   … is at most a margin worse        `holds`     an exact statement, in every trial
`equivalent`  … differs by less than a margin    `all_of`    several rules at once

All intervals are at 95 %; how they are made and how well they cover stands in `interval`.
`scipy.stats` is loaded where they judge: who only looks at verdicts does not wait for it.
"""

from halflife.lab.verdicts.all_of import all_of
from halflife.lab.verdicts.better import better
from halflife.lab.verdicts.equivalent import equivalent
from halflife.lab.verdicts.exceeds import exceeds
from halflife.lab.verdicts.holds import holds
from halflife.lab.verdicts.not_worse import not_worse
from halflife.lab.verdicts.rule import Rule
from halflife.lab.verdicts.verdict import Outcome, Verdict

__all__ = [
    "Outcome",
    "Rule",
    "Verdict",
    "all_of",
    "better",
    "equivalent",
    "exceeds",
    "holds",
    "not_worse",
]
