"""Says which real vendors the contract was not tried on."""

from __future__ import annotations

import pytest

from tests.contract.stands import MARKET_SOURCES, REAL


@pytest.mark.parametrize("vendor", REAL)
def test_the_real_vendor_is_among_the_stands(vendor):
    if f"real {vendor}" not in MARKET_SOURCES:
        pytest.skip(f"uses the network: set SLUICE_TEST_VENDORS={vendor} to ask the real {vendor}")
    assert MARKET_SOURCES[f"real {vendor}"] is REAL[vendor]
