"""Which of the frames that a decoder gives may be shown, since it fills damage with pieces of other frames."""

from __future__ import annotations

from typing import Any

LONGEST_WAIT = 300  # frames; streams without key frames repair themselves within that


class DamageFilter:
    """After damage, and at a start without a key frame, lets nothing pass up to the next key frame.

    Args:
        predicted: whether frames of this codec build on others.
    """

    def __init__(self, *, predicted: bool) -> None:
        self._predicted = predicted
        self._intact: bool | None = None if predicted else True
        self._waited = 0
        self._partial: set[int | None] = set()
        self._keys: set[int | None] = set()  # key frames that the decoder holds
        self._older: set[int | None] = set()  # those among them that came before the damage

    def take_packet(self, packet: Any, *, partial: bool) -> None:
        """Note what goes into the decoder.

        Args:
            packet: of PyAV.
            partial: whether the file, or the network, has given only a part of it.
        """
        if self._intact is None:
            self._intact = packet.is_keyframe
        if partial:
            self._partial.add(packet.pts)
        if packet.is_keyframe:
            self._keys.add(packet.pts)

    def take_error(self) -> None:
        """Note that the decoder refuses what went into it."""
        if self._predicted:
            self._intact, self._waited = False, 0
            self._older |= self._keys

    def passes(self, frame: Any) -> bool:
        """Whether a frame may be shown.

        Args:
            frame: of PyAV, as the decoder gives it.
        """
        damaged = frame.is_corrupt or frame.pts in self._partial
        self._partial.discard(frame.pts)
        self._keys.discard(frame.pts)
        if not self._predicted:
            return not damaged
        if damaged:
            self.take_error()
            return False
        restores = frame.key_frame and frame.pts not in self._older
        self._older.discard(frame.pts)
        self._waited += 1
        self._intact = self._intact or restores or self._waited > LONGEST_WAIT
        return self._intact or frame.key_frame

    @property
    def unseen(self) -> int:
        """Number of packets that came in part and of which the decoder has not even given a frame."""
        return len(self._partial)
