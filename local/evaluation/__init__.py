"""How well incidents found and explained faults whose cause is known.

An incident belongs to the latest fault that started at most 8 minutes before its first anomaly.
Incidents that were merged into another are not counted for themselves: the survivor stands for
them, and what people were told first, by whichever of them, is what counts. Only incidents worth
telling people of count at all.
"""

from local.evaluation.fault import Fault, parse_faults
from local.evaluation.figures import Evaluation, Figures, Outcome, evaluate
from local.evaluation.notified import Notified

__all__ = ("Evaluation", "Fault", "Figures", "Notified", "Outcome", "evaluate", "parse_faults")
