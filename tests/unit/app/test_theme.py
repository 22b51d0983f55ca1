"""One set of colours: what Streamlit's configuration says is what the charts use."""

from __future__ import annotations

import tomllib

import pytest

from app.theme import DARK, KINDS, LIGHT, Palette, style, translucent
from core.flow import nodes
from core.settings import PROJECT_ROOT


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=lambda p: p.mode)
def test_streamlit_has_the_palettes_colours(palette: Palette) -> None:
    config = tomllib.loads((PROJECT_ROOT / ".streamlit" / "config.toml").read_text())
    theme = config["theme"][palette.mode]
    assert (theme["primaryColor"], theme["textColor"]) == (palette.strategy, palette.text)
    assert theme["backgroundColor"] == palette.surface
    assert theme["secondaryBackgroundColor"] == palette.raised
    assert theme["borderColor"] == palette.line


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=lambda p: p.mode)
def test_text_can_be_read(palette: Palette) -> None:
    for colour, ratio in ((palette.text, 7), (palette.muted, 4.5), (palette.gain, 4.5),
                          (palette.loss, 4.5), (palette.warning, 4)):  # fmt: skip
        assert contrast(colour, palette.surface) >= ratio, colour


def test_what_a_main_button_says_can_be_read() -> None:
    assert contrast("#ffffff", LIGHT.strategy) >= 4.5
    assert "color: " + DARK.surface in style("dark").replace("\n", " ")
    assert "color: " + DARK.surface not in style("light")
    assert contrast(DARK.surface, DARK.strategy) >= 4.5


def test_every_kind_of_node_has_a_style_of_its_own() -> None:
    kinds = {k.model_fields["kind"].default for k in nodes.Node.__subclasses__()}
    assert set(KINDS) == kinds - {"unreadable"}  # validation stops at those
    assert len({style.icon for style in KINDS.values()}) == len(KINDS)
    assert len({style.colour for style in KINDS.values()}) == len(KINDS)


def test_translucent_keeps_the_colour() -> None:
    assert translucent("#1d6fd1", 0.25) == "rgba(29,111,209,0.25)"


def contrast(one: str, other: str) -> float:
    """WCAG 2 contrast ratio, from 1 to 21."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
