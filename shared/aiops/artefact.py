"""What a fitted model leaves for scoring: a head in JSON and packed arrays, no code."""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiops.errors import Rejected

MAGIC = b"AIM1"
_DTYPES = frozenset(("<f2", "<f4", "<f8", "<u2", "<u4", "<i2", "<i4", "<i8", "|u1"))
_HEAD = struct.Struct("<4sI")


@dataclass(frozen=True, slots=True)
class Artefact:
    """One model of one series.

    Attributes:
        series: Key of the series, 32 hexadecimal digits.
        kind: Name of the module in `functions/detect/models` that scores with it.
        detector: What was fitted: `prophet`, `isolation_forest`, `luminaire`.
        made_at: Unix milliseconds of the fit; its version, the later one counts.
        until: Unix milliseconds from which on it says nothing any more.
        quality: The fit's own figures on the last stretch of its history, by name.
        reason: Why it was chosen, in words.
        params: What its kind needs besides arrays.
        arrays: By name, of the number formats above.
    """

    series: str
    kind: str
    detector: str
    made_at: int
    until: int
    quality: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""
    params: Mapping[str, float | int | str] = field(default_factory=dict)
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def pack(self) -> bytes:
        """Return it as bytes."""
        arrays = {name: np.ascontiguousarray(array) for name, array in self.arrays.items()}
        head = {
            "series": self.series,
            "kind": self.kind,
            "detector": self.detector,
            "made_at": self.made_at,
            "until": self.until,
            "quality": dict(self.quality),
            "reason": self.reason,
            "params": dict(self.params),
            "arrays": [[name, array.dtype.str, array.shape] for name, array in arrays.items()],
        }
        written = json.dumps(head, separators=(",", ":"), allow_nan=False).encode()
        packed = _HEAD.pack(MAGIC, len(written)) + written
        return packed + b"".join(array.tobytes() for array in arrays.values())

    @classmethod
    def unpack(cls, packed: bytes) -> "Artefact":
        """Return what bytes hold; arrays are views of them, and cannot be written.

        Raises:
            Rejected: they are no artefact of this format.
        """
        if not packed.startswith(MAGIC):
            raise Rejected("artefact: begins otherwise")
        try:
            _, length = _HEAD.unpack_from(packed)
            head = json.loads(packed[_HEAD.size : _HEAD.size + length])
            arrays = _arrays(head.pop("arrays"), packed, _HEAD.size + length)
            return cls(**head, arrays=arrays)
        except (ValueError, TypeError, KeyError, AttributeError, struct.error) as error:
            raise Rejected(f"artefact: {error}") from None


def _arrays(listed: list[Any], packed: bytes, start: int) -> dict[str, NDArray[Any]]:
    found: dict[str, NDArray[Any]] = {}
    for name, dtype, shape in listed:
        if dtype not in _DTYPES or not all(isinstance(n, int) and n >= 0 for n in shape):
            raise ValueError(f"array {name!r}: no numbers")
        count = int(np.prod(shape, dtype=np.int64))
        array = np.frombuffer(packed, dtype=np.dtype(dtype), count=count, offset=start)
        found[str(name)] = array.reshape(shape)
        start += array.nbytes
    if start != len(packed):
        raise ValueError(f"{len(packed) - start} bytes too many")
    return found
