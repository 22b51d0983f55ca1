"""A map of a metric over two variables; a click on a cell chooses it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app.components.own import FETCHED, own_component
from app.map_numbers import Cell, MapNumbers

HEIGHT = 520


def chosen_cell(name: str, shape: tuple[int, ...]) -> Cell | None:
    """The cell chosen last on the maps of this name, where maps [down, across] have it."""
    cell: Cell | None = st.session_state.get(name)
    if cell is None or cell[0] >= shape[1] or cell[1] >= shape[0]:
        return None
    return cell


def heat_map(
    numbers: MapNumbers, look: dict[str, Any], *, key: str, chosen: str, height: int = HEIGHT
) -> None:
    """Draw ``numbers`` as ``look`` (``app.charts.heat``) says, ``height`` pixels high.

    The cell that was clicked is ``chosen_cell`` of the name ``chosen`` from the run on that it
    brings about; what else on the page goes by that name hears of it in the browser, before. Maps
    of one name are marked at the same cell. Where the numbers are the same object as before, the
    browser does not ask for them again.
    """

    def on_clicked() -> None:
        clicked = st.session_state[key].clicked
        if clicked:
            st.session_state[chosen] = (int(clicked["across"]), int(clicked["down"]))

    component = own_component(
        __package__, "heat_map", "heat", "heat_map.css", (FETCHED, "heat_map.js")
    )
    component(
        key=key,
        data=look
        | {
            "address": numbers.address,
            "name": chosen,
            "chosen": chosen_cell(chosen, numbers.values.shape),
            "height": height,
        },
        on_clicked_change=on_clicked,
        height=height,
    )
