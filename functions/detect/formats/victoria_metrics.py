"""JSON lines of VictoriaMetrics: a series a line.

`{"metric": {"__name__": "up", "job": "node"}, "values": [1, 0], "timestamps": [1549891472010,
1549891487724]}`, times in milliseconds; a value that is none is `null`, infinity a text.
Source: VictoriaMetrics, "JSON line format" and /api/v1/export.
"""

from collections.abc import Collection, Mapping
from typing import Any

from functions.detect.config import DetectConfig
from functions.detect.gathering import Gathered
from functions.detect.malformed import Malformed


class Format:
    """Decodes exported series."""

    def __init__(self, _: DetectConfig) -> None:
        pass

    @staticmethod
    def recognises(fields: Collection[str]) -> bool:
        """Return whether these are the fields of a line."""
        return {"metric", "values", "timestamps"} <= set(fields)

    @staticmethod
    def decode(document: Mapping[str, Any], into: Gathered) -> None:
        """Take the samples of a line."""
        labels, values, times = document["metric"], document["values"], document["timestamps"]
        if len(values) != len(times):
            raise Malformed("more values than times, or fewer")
        told = tuple([item for item in labels.items() if item[0] != "__name__"])
        read = [float("nan") if value is None else float(value) for value in values]
        into.extend(into.place(labels["__name__"], told), [int(time) for time in times], read)
