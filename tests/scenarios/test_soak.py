"""Three days of the soak, the same ones each time; ``make soak`` runs thirty."""

from __future__ import annotations

import pytest

from tests.scenarios.soak import Soak

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("seed", [7, 8])
def test_three_days_of_faults(services, clock, tmp_path, seed):
    soak = Soak(services, clock, tmp_path, seed)
    soak.run(3)
    assert len(soak.faults.journal) > 10
    assert sum(soak.faults.met.values()) > 5, "nothing went wrong: this shows nothing"
