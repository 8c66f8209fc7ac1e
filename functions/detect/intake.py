"""From an event to columns, whichever way its samples are written."""

from collections import Counter

from aiops.adapters.cloudevent import read_fact
from aiops.errors import Rejected
from aiops.events import Samples
from aiops.ports import Counts, Event
from functions.detect.config import DetectConfig
from functions.detect.naming import Naming
from functions.detect.reading import Columns, SampleReader
from functions.detect.sniffing import Decoder
from functions.detect.sources import PLAIN_RECORD, source_of

OUR_OWN = b'{"series"'
"""How plain records begin that are in our own format."""


class Intake:
    """Reads samples.

    Args:
        config: Of `detect`.
    """

    def __init__(self, config: DetectConfig) -> None:
        self._topics = config.topics
        self._decoder = Decoder(config)
        self._naming = Naming(config.kind_of)

    def read(self, event: Event, reader: SampleReader) -> tuple[Columns, Counts]:
        """Return the samples of an event, and what its decoder dropped, by reason.

        Raises:
            Rejected: it holds none, or something else.
        """
        if event.type == PLAIN_RECORD:
            source = source_of(event, self._topics)
            if source.signal != "metrics":
                raise Rejected(f"source: nothing is made of {source.signal} here")
            if source.encoding != "json" or event.data.lstrip()[: len(OUR_OWN)] != OUR_OWN:
                found = self._decoder.decode(event.data, source.encoding, event.time)
                return reader.gathered(found, self._naming), +found.dropped
        return reader.read(event.data) or reader.of(read_fact(event, Samples)), Counter()
