"""Colours that can be read: a brand's own colour, moved only as far as the contrast of WCAG 2 asks for."""

from colorsys import hls_to_rgb, rgb_to_hls

WHITE, BLACK = "#ffffff", "#000000"
#: Contrasts of WCAG 2, level AA: of text, and of what must be recognised, such as the edge of a button.
TEXT, SHAPE = 4.5, 3.0
_STEPS = 50
#: Below this sRGB is linear.
_LINEAR = 0.04045


def contrast(one: str, other: str) -> float:
    """Contrast of two colours ``#rrggbb``, 1 to 21."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def readable(colour: str, on: str, least: float = TEXT) -> str:
    """The colour, made lighter on dark and darker on light until it stands out enough; hue and saturation stay."""
    hue, lightness, saturation = rgb_to_hls(*_parts(colour))
    goal = 1.0 if _luminance(on) < _luminance("#777777") else 0.0
    for step in range(_STEPS + 1):
        moved = _named(hls_to_rgb(hue, lightness + (goal - lightness) * step / _STEPS, saturation))
        if contrast(moved, on) >= least:
            return moved
    return moved


def text_on(colour: str) -> str:
    """White where it can be read on the colour, else black, which then can be."""
    return WHITE if contrast(WHITE, colour) >= TEXT else BLACK


def _parts(colour: str) -> tuple[float, float, float]:
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red / 255, green / 255, blue / 255


def _named(parts: tuple[float, float, float]) -> str:
    return "#" + "".join(f"{round(part * 255):02x}" for part in parts)


def _luminance(colour: str) -> float:
    linear = [part / 12.92 if part <= _LINEAR else ((part + 0.055) / 1.055) ** 2.4 for part in _parts(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
