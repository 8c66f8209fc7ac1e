"""Which series of an incident is worth a picture. Pure, and without anything heavy."""

from aiops.events import Evidence, Incident


def subject(incident: Incident) -> Evidence | None:
    """Return the evidence to be shown: the likeliest cause's strongest, else the strongest.

    None where all there is was told by others, and has no values.
    """
    measured = [one for one in incident.evidence if not one.peak.told]
    cause = incident.root_cause[0].service if incident.root_cause else None
    return next((one for one in measured if one.peak.service == cause), next(iter(measured), None))
