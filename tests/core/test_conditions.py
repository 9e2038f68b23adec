"""The options of mixtures."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from sefront.core.conditions import Conditions, conditions_of
from sefront.core.errors import SefrontError
from sefront.core.experiment import Experiment
from sefront.core.setup import mixing_of


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"noises": "0"}, r"mixing: noises is 0; give a number of at least 1, or a range such as 1:3"),
        ({"noises": "3:1"}, r"mixing: noises is 3:1; give"),
        ({"noises": "some"}, r"mixing: noises is 'some'; give a number, or a range LOW:HIGH"),
        ({"rt60": "0:0.5"}, r"mixing: rt60 is 0:0.5; give seconds above 0 and up to 2"),
        ({"rt60": "9"}, r"mixing: rt60 is 9; give seconds"),
        ({"early": "-1"}, r"mixing: early must be at least 0 s, but is -1.0"),
        ({"degrade": "clip,clip"}, r"mixing: degrade names something twice: clip,clip"),
        ({"degrade": "codecs"}, r"mixing: option 'degrade' is 'codecs'"),
        ({"level": "loud"}, r"mixing: option 'level' is 'loud', which is not"),
        ({"levle": "mean"}, r"mixing has no option 'levle'; did you mean 'level'\?"),
    ],
)
def test_values_that_cannot_be(options: dict[str, str], message: str) -> None:
    with pytest.raises(SefrontError, match=message):
        conditions_of(options, "mixing")


def test_words_of_the_command_line() -> None:
    given = {"noises": "1:3", "degrade": "codec,clip", "reverb": "none", "rt60": "0.5", "level": "active"}
    found = conditions_of(given, "mixing")
    assert found == Conditions(noises="1:3", degrade=("codec", "clip"), rt60="0.5", level="active")
    assert (found.noise_range, found.rt60_range) == ((1, 3), (0.5, 0.5))
    assert found.stated() == {"noises": "1:3", "degrade": ["codec", "clip"], "rt60": "0.5", "level": "active"}
    assert conditions_of(found.stated(), "mixing") == found


def test_the_test_is_mixed_like_the_rest_unless_said() -> None:
    experiment = Experiment(options={"mixing.degrade": "clip", "mixing.noises": 2, "test_mixing.noises": 1})
    assert mixing_of(experiment) == Conditions(degrade=("clip",), noises=2)
    assert mixing_of(experiment, test=True) == Conditions(degrade=("clip",), noises=1)


def test_a_new_setting_of_mixing_beats_the_resolved_one_of_the_test() -> None:
    resolved = (
        Experiment().with_options("mixing", asdict(Conditions())).with_options("test_mixing", asdict(Conditions()))
    )
    changed = resolved.changed({"options": {"mixing.degrade": "clip"}})
    assert mixing_of(changed, test=True).degrade == ("clip",)
    changed = resolved.changed({"options": {"mixing.degrade": "clip", "test_mixing.degrade": ""}})
    assert mixing_of(changed, test=True).degrade == ()
