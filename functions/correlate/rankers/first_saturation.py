"""The earliest anomaly of a saturation metric, or the earliest at all: a plain reference."""

from aiops.events import Evidence, Suspect
from functions.correlate.ranking import SUSPECTS, Case


class Ranker:
    """Names services in the order in which they first ran out of something."""

    def rank(self, case: Case) -> tuple[Suspect, ...]:
        """Return the services by their first saturation, those without one by their first anomaly.

        The score is 1 divided by the rank.
        """
        by_service: dict[str, Evidence] = {}
        for piece in sorted(case.evidence, key=_order):
            by_service.setdefault(piece.peak.service, piece)
        return tuple(
            Suspect(service=service, metric=piece.peak.metric, score=1 / rank, reasons=_why(piece))
            for rank, (service, piece) in enumerate(by_service.items(), 1)
            if rank <= SUSPECTS
        )


def _order(piece: Evidence) -> tuple[bool, int, str]:
    return piece.peak.role != "saturation", piece.first, piece.peak.series


def _why(piece: Evidence) -> tuple[str, ...]:
    what = "first saturation" if piece.peak.role == "saturation" else "first anomaly"
    return (f"{what}: {piece.peak.reason}",)
