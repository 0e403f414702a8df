"""What a file says of its colours, in one language: an ICC profile.

Knows ICC.1, and what is said otherwise: code points (ITU-T H.273), gamma and chromaticities, which
become profiles here. Does not know pixels.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import cache, lru_cache
from math import exp
from typing import NamedTuple


class CodePoints(NamedTuple):
    """Primaries and transfer characteristics, as numbered by ITU-T H.273 (cICP, nclx)."""

    primaries: int
    transfer: int

    @property
    def known(self) -> bool:
        """False where one of them is unspecified, reserved or of no display."""
        return self.primaries in _PRIMARIES and self.transfer in _KNOWN_TRANSFERS


Point = tuple[float, float]  # CIE 1931 x and y


class Chromaticities(NamedTuple):
    """Where white and the three primaries lie."""

    white: Point
    red: Point
    green: Point
    blue: Point


class Gamma(NamedTuple):
    """Samples are light to the power of `encoding` (PNG's gAMA: 0.45455 for 1/2.2)."""

    encoding: float
    chromaticities: Chromaticities | None = None  # None: those of sRGB


# --- profiles, read ---------------------------------------------------------------------------

# Red, green and blue of sRGB, adapted to the D50 of profiles (IEC 61966-2-1, Bradford).
_SRGB_COLORANTS = ((0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7139))
_COLORANT_TOLERANCE = 0.002  # what encoders' rounding and other adaptations differ by
# Sampled at these codes, a curve that stays within half a step of 255 is that of sRGB.
_CODES = tuple(code / 255 for code in (3, 10, 20, 40, 70, 100, 130, 160, 190, 220, 245, 255))
_HALF_A_STEP = 0.5 / 255


@lru_cache(maxsize=16)
def is_srgb(icc_profile: bytes) -> bool:
    """True if the profile's colorants and curves are those of sRGB, whatever its text says."""
    if icc_profile[16:24] != b"RGB XYZ ":
        return False
    try:
        tags = _tags(icc_profile)
        if tags.keys() & {b"A2B0", b"A2B1", b"D2B0", b"D2B1"}:
            return False  # tables, which overrule colorants and curves
        for name, wanted in zip((b"rXYZ", b"gXYZ", b"bXYZ"), _SRGB_COLORANTS, strict=True):
            found = (value / 65536 for value in struct.unpack_from(">3i", tags[name], 8))
            if any(abs(a - b) > _COLORANT_TOLERANCE for a, b in zip(found, wanted, strict=True)):
                return False
        curves = [_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC")]
        return all(
            abs(_srgb_encoded(curve(code)) - code) <= _HALF_A_STEP
            for curve in curves
            for code in _CODES
        )
    except (struct.error, LookupError, ArithmeticError, ValueError, TypeError):
        return False  # broken: whoever applies it will find out


def _tags(icc_profile: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", icc_profile, 128)
    tags = {}
    for at in range(132, 132 + 12 * min(count, 100), 12):
        name, offset, size = struct.unpack_from(">4sII", icc_profile, at)
        tags[name] = icc_profile[offset : offset + size]
    return tags


def _curve(tag: bytes) -> Callable[[float], float]:
    """A tone curve, of the types `curv` (ICC.1, 10.6) and `para` (10.18)."""
    if tag[:4] == b"para":
        (kind,) = struct.unpack_from(">H", tag, 8)
        values = struct.unpack_from(f">{(1, 3, 4, 5, 7)[kind]}i", tag, 12)
        return _parametric(kind, [value / 65536 for value in values])
    if tag[:4] != b"curv":
        raise ValueError("no curve")
    (count,) = struct.unpack_from(">I", tag, 8)
    if count == 0:
        return lambda code: code
    if count == 1:
        (exponent,) = struct.unpack_from(">H", tag, 12)
        return lambda code: code ** (exponent / 256)
    table = struct.unpack_from(f">{count}H", tag, 12)

    def between(code: float) -> float:
        at = code * (count - 1)
        low = min(int(at), count - 2)
        return float(table[low] + (table[low + 1] - table[low]) * (at - low)) / 65535

    return between


def _parametric(kind: int, values: list[float]) -> Callable[[float], float]:
    gamma, a, b, c, d, e, f = (*values, *[0.0] * (7 - len(values)))
    if kind == 0:
        a, d = 1.0, -1.0
    elif kind in (1, 2):  # below -b/a the curve is c (kind 1: zero), above it is raised by c
        d, e, f, c = -b / a, c, c, 0.0
    return lambda x: (a * x + b) ** gamma + e if x >= d else c * x + f


def _srgb_encoded(light: float) -> float:
    return 12.92 * light if light <= 0.0031308 else 1.055 * float(light ** (1 / 2.4)) - 0.055


# --- profiles, written ------------------------------------------------------------------------

_D65 = (0.3127, 0.3290)
_C = (0.310, 0.316)
_SRGB = Chromaticities(_D65, (0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
_NTSC = Chromaticities(_D65, (0.630, 0.340), (0.310, 0.595), (0.155, 0.070))

# ITU-T H.273, table 2. What is not here (2 is "unspecified") is taken for sRGB.
_PRIMARIES = {
    1: _SRGB,
    4: Chromaticities(_C, (0.67, 0.33), (0.21, 0.71), (0.14, 0.08)),
    5: Chromaticities(_D65, (0.64, 0.33), (0.29, 0.60), (0.15, 0.06)),
    6: _NTSC,
    7: _NTSC,
    8: Chromaticities(_C, (0.681, 0.319), (0.243, 0.692), (0.145, 0.049)),
    9: Chromaticities(_D65, (0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    10: Chromaticities((1 / 3, 1 / 3), (1.0, 0.0), (0.0, 1.0), (0.0, 0.0)),
    11: Chromaticities((0.314, 0.351), (0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    12: Chromaticities(_D65, (0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    22: Chromaticities(_D65, (0.630, 0.340), (0.295, 0.605), (0.155, 0.077)),
}

# ITU-R BT.2408: the luminance of reference white in PQ and HLG, in cd/m2. It becomes sRGB's
# white, so that a picture keeps its brightness beside others on a page.
REFERENCE_WHITE = 203.0
# The display that HLG is defined on (BT.2100, table 5) and most PQ pictures are mastered on.
_PEAK = 1000.0


def _pq_light(code: float) -> float:
    """cd/m2 of a PQ code (BT.2100, table 4: EOTF)."""
    power = float(code ** (32 / 2523))
    ratio = max(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)
    return 10_000 * float(ratio ** (8192 / 1305))


def _pq_code(light: float) -> float:
    power = float((max(light, 0) / 10_000) ** (1305 / 8192))
    return float(((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** (2523 / 32))


def _hlg_light(code: float) -> float:
    """cd/m2 of an HLG code on the reference display: BT.2100, table 5, its gamma a channel."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = code * code / 3 if code <= 0.5 else (exp((code - c) / a) + b) / 12
    return _PEAK * float(scene**1.2)


def _tone_mapped(light: float) -> float:
    """cd/m2 of up to _PEAK within REFERENCE_WHITE: the EETF of ITU-R BT.2390-11, 5.4.1.

    Each channel is mapped by itself, in PQ codes: dark and middle tones stay, a Hermite spline
    from the knee on bends what is brighter towards white.
    """
    top = _pq_code(_PEAK)
    code, most = min(_pq_code(light) / top, 1.0), _pq_code(REFERENCE_WHITE) / top
    knee = 1.5 * most - 0.5
    if code > knee:
        t = (code - knee) / (1 - knee)
        code = (
            (2 * t**3 - 3 * t**2 + 1) * knee
            + (t**3 - 2 * t**2 + t) * (1 - knee)
            + (-2 * t**3 + 3 * t**2) * most
        )
    return _pq_light(code * top)


# Light of a code, both from 0 to 1 (ITU-T H.273, table 3). What is not here is shown with the
# curve of sRGB: those of BT.709, BT.601 and BT.2020 too, as browsers do, because they describe
# cameras and displays do not undo them.
_TRANSFERS: dict[int, Callable[[float], float]] = {
    4: lambda code: code**2.2,
    5: lambda code: code**2.8,
    8: lambda code: code,
    16: lambda code: _tone_mapped(_pq_light(code)) / REFERENCE_WHITE,
    17: lambda code: code**2.6 * 52.37 / 48,
    18: lambda code: _tone_mapped(_hlg_light(code)) / REFERENCE_WHITE,
}
# Those, and those that are shown with sRGB's. 2 is "unspecified"; 9, 10 and 12 are in no browser.
_KNOWN_TRANSFERS = _TRANSFERS.keys() | {1, 6, 7, 11, 13, 14, 15}


def _srgb_light(code: float) -> float:
    return code / 12.92 if code <= 0.04045 else ((code + 0.055) / 1.055) ** 2.4


# Files made for displays of gamma 2.2 mean sRGB (its curve is the one that was fitted to it),
# as long as nothing else is said: applied to the letter, 2.2 would crush their shadows.
_GAMMA_OF_SRGB = 1 / 2.2
_GAMMA_TOLERANCE = 0.01


@cache
def profile_of(colors: CodePoints | Gamma | None) -> bytes | None:
    """An ICC profile that says the same. None: it is sRGB."""
    match colors:
        case CodePoints(primaries, transfer):
            chromaticities = _PRIMARIES.get(primaries, _SRGB)
            if chromaticities == _SRGB and transfer not in _TRANSFERS:
                return None
            return _written(chromaticities, _TRANSFERS.get(transfer, _srgb_light))
        case Gamma(encoding, chromaticities):
            light = (
                _srgb_light
                if abs(encoding - _GAMMA_OF_SRGB) <= _GAMMA_TOLERANCE
                else lambda code: float(code ** (1 / encoding))
            )
            try:
                return _written(chromaticities or _SRGB, light)
            except (ArithmeticError, struct.error):
                return None  # primaries on one line, or far out of any eye's reach
    return None


def _written(chromaticities: Chromaticities, light: Callable[[float], float]) -> bytes:
    """A matrix profile (ICC.1:2001-04): three colorants and one curve."""
    steps = 4095
    codes = (min(max(light(code / steps), 0.0), 1.0) for code in range(steps + 1))
    curve = b"curv\0\0\0\0" + struct.pack(
        f">I{steps + 1}H", steps + 1, *(round(65535 * code) for code in codes)
    )
    parts = [
        (name, b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(65536 * value) for value in colorant)))
        for name, colorant in zip(
            (b"rXYZ", b"gXYZ", b"bXYZ"), _colorants(chromaticities), strict=True
        )
    ]
    parts.append((b"wtpt", b"XYZ \0\0\0\0" + struct.pack(">3i", *_D50_FIXED)))
    at = 132 + 12 * (len(parts) + 3)
    table, body = b"", b""
    for name, data in parts:
        table += struct.pack(">4sII", name, at + len(body), len(data))
        body += data
    for name in (b"rTRC", b"gTRC", b"bTRC"):
        table += struct.pack(">4sII", name, at + len(body), len(curve))
    head = struct.pack(
        ">I4sI4s4s4s12x4s28x3i48x",
        at + len(body) + len(curve),
        b"\0\0\0\0",
        0x02400000,
        b"mntr",
        b"RGB ",
        b"XYZ ",
        b"acsp",
        *_D50_FIXED,
    )
    return head + struct.pack(">I", len(parts) + 3) + table + body + curve


_D50 = (0.9642, 1.0, 0.8249)
_D50_FIXED = tuple(round(65536 * value) for value in _D50)
_BRADFORD = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))

_Matrix = tuple[tuple[float, ...], ...]


def _colorants(chromaticities: Chromaticities) -> list[list[float]]:
    """XYZ of the primaries at full strength, seen under D50."""
    white = _xyz(chromaticities.white)
    columns = [_xyz(point) for point in (chromaticities.red, chromaticities.green)]
    columns.append(_xyz(chromaticities.blue))
    matrix = tuple(zip(*columns, strict=True))
    strengths = _times(_inverse(matrix), white)
    seen = _times(_BRADFORD, white)
    wanted = _times(_BRADFORD, _D50)
    back = _inverse(_BRADFORD)
    adapted = []
    for column, strength in zip(columns, strengths, strict=True):
        cones = _times(_BRADFORD, [value * strength for value in column])
        scaled = [c * w / s for c, w, s in zip(cones, wanted, seen, strict=True)]
        adapted.append(_times(back, scaled))
    return adapted


def _xyz(point: Point) -> list[float]:
    x, y = point
    # Blue of CIE XYZ has no luminance: its x, y of 0, 0 stands for Z alone.
    return [x / y, 1.0, (1 - x - y) / y] if y else [x, y, 1 - x - y]


def _times(matrix: _Matrix, vector: list[float] | tuple[float, ...]) -> list[float]:
    return [sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix]


def _inverse(m: _Matrix) -> _Matrix:
    (a, b, c), (d, e, f), (g, h, i) = m
    det = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
    return tuple(
        tuple(value / det for value in row)
        for row in (
            (e * i - f * h, c * h - b * i, b * f - c * e),
            (f * g - d * i, a * i - c * g, c * d - a * f),
            (d * h - e * g, b * g - a * h, a * e - b * d),
        )
    )
