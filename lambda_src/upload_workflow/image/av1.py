"""The code points that an AV1 stream states in its sequence header (AV1 bitstream, 5.3 and 5.5).

Knows bits. Does not know the boxes around them.
"""

from __future__ import annotations

_SEQUENCE_HEADER = 1
# A stream begins with a delimiter or two, and a sequence header is some tens of bytes long.
_MOST_UNITS = 8
_MOST_BYTES = 256
_UNSPECIFIED = 2


class _Bits:
    """Reads from the first bit on. Raises EOFError where there are no more."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def take(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            raise EOFError
        return self._value >> self._left & (1 << count) - 1

    def skip_if(self, count: int) -> bool:
        """True for a flag that is set; so many bits, which it announces, are skipped."""
        is_set = bool(self.take(1))
        if is_set:
            self.take(count)
        return is_set


def code_points(stream: bytes) -> tuple[int, int] | None:
    """Primaries and transfer (ITU-T H.273); None where the stream is none or breaks off."""
    try:
        for _ in range(_MOST_UNITS):
            kind, start, end = _unit(stream)
            if kind == _SEQUENCE_HEADER:
                return _colors(_Bits(stream[start : min(end, start + _MOST_BYTES)]))
            stream = stream[end:]
    except (EOFError, IndexError):
        pass
    return None


def _unit(stream: bytes) -> tuple[int, int, int]:
    """The kind of the first unit, and where its payload starts and ends (5.3.1)."""
    head = stream[0]
    at = 2 if head & 4 else 1
    if not head & 2:
        return head >> 3 & 15, at, len(stream)
    size = shift = 0
    while shift < 56:
        size |= (stream[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if not stream[at - 1] & 128:
            break
    return head >> 3 & 15, at, at + size


def _colors(bits: _Bits) -> tuple[int, int]:
    profile = bits.take(3)
    bits.take(1)  # still_picture
    reduced = bits.take(1)
    if reduced:
        bits.take(5)
    else:
        _skip_operating_points(bits)
    width_bits, height_bits = bits.take(4) + 1, bits.take(4) + 1
    bits.take(width_bits + height_bits)
    if not reduced:
        bits.skip_if(4 + 3)  # frame_id_numbers_present_flag
    bits.take(3)
    if not reduced:
        _skip_tools(bits)
    bits.take(3)
    deep = bits.take(1)
    if profile == 2 and deep:
        bits.take(1)  # twelve_bit
    if profile != 1:
        bits.take(1)  # mono_chrome
    if not bits.take(1):  # color_description_present_flag
        return _UNSPECIFIED, _UNSPECIFIED
    return bits.take(8), bits.take(8)


def _skip_operating_points(bits: _Bits) -> None:
    delay_bits = 0
    if bits.take(1):  # timing_info_present_flag
        bits.take(64)
        if bits.take(1):  # equal_picture_interval
            zeros = 0
            while not bits.take(1):
                zeros += 1
            bits.take(zeros)
        if bits.take(1):  # decoder_model_info_present_flag
            delay_bits = bits.take(5) + 1
            bits.take(32 + 5 + 5)
    with_display_delay = bits.take(1)
    for _ in range(bits.take(5) + 1):
        bits.take(12)
        if bits.take(5) > 7:
            bits.take(1)  # seq_tier
        if delay_bits:
            bits.skip_if(2 * delay_bits + 1)
        if with_display_delay:
            bits.skip_if(4)


def _skip_tools(bits: _Bits) -> None:
    bits.take(4)
    with_order_hint = bits.skip_if(2)
    chosen_by_frame = bits.take(1)  # seq_choose_screen_content_tools
    if (chosen_by_frame or bits.take(1)) and not bits.take(1):
        bits.take(1)  # seq_force_integer_mv
    if with_order_hint:
        bits.take(3)
