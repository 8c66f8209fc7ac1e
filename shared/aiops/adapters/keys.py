"""Every Redis key and how long it lives, one line each.

Lifetimes are in the pipeline's milliseconds; on a scaled clock they shrink with it. Keys that
belong together share a hash tag, so that one script reaches them all in one slot.
"""

from dataclasses import dataclass

DAY = 24 * 3_600_000

SERIES_LIFETIME = 14 * DAY
"""A series that sends nothing for this long is forgotten."""

HISTORY_LIFETIME = 15 * DAY
"""A chunk of history, from its first point on, unless told otherwise: two weeks and a day."""

MODEL_STATUS_LIFETIME = 30 * DAY
"""How the last fit of a series ended, since it did."""

TRAINING_LIFETIME = 14 * DAY
"""Requests for models, since anything last happened to any of them."""

ACTION_LIFETIME = 30 * DAY
"""Steps, versions and leases of an incident, since its last change."""

RAILS_LIFETIME = 31 * DAY
"""Locks, budgets and breakers of runbooks, since a run last began or ended."""

DOMAIN_LIFETIME = 30 * DAY
"""Incidents of a domain, since anything last changed in it; the clock changes it every minute."""

PUBLISHED_LIFETIME = 7 * DAY
"""Up to when queries were published, since any was; no span that is caught up is longer."""

WRITER_LIFETIME = 3_600_000
"""Real milliseconds in which a batch of counts that may have arrived can be told again."""

BARRIER = "aiops:barrier"
"""Written before replicas are waited for, and never read."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Key names under one generation of the state.

    Attributes:
        generation: A prefix; a topic processed again on purpose gets a new one.
        family: Whose records they are: `d` those of series, `w` those of services whose logs and
            traces are counted, `r` those of series that are put in order.
    """

    generation: str = ""
    family: str = "d"

    def series(self, shard: int, key: str) -> str:
        """Packed record of a series."""
        return f"{self._tag(self.family, shard)}:s:{key}"

    def out(self, shard: int) -> str:
        """Hash `series:time` → finished anomaly; never expires, bounded by back pressure."""
        return f"{self._tag(self.family, shard)}:out"

    def out_due(self, shard: int) -> str:
        """Sorted set of the same fields by the time they were committed; never expires."""
        return f"{self._tag(self.family, shard)}:due"

    def history(self, shard: int, key: str, chunk: int) -> str:
        """Packed points of a series in one span of time."""
        return f"{self._tag(self.family, shard)}:h:{key}:{chunk}"

    def open_windows(self) -> str:
        """Sorted set of what waits → when the clock is to look at it; never expires, pruned."""
        return f"{self._tag(self.family, 'waiting')}:open"

    def spans(self, slot: int, trace: str) -> str:
        """Hash of a trace: ends of calls, and whose each call is; lives for minutes."""
        return f"{self._tag('p', slot)}:{trace}"

    def calls(self) -> str:
        """Sorted set of calls by when spans last told of them; kept `DOMAIN_LIFETIME`."""
        return f"aiops:{self.generation}{{calls}}"

    def model(self, shard: int, key: str, made_at: int) -> str:
        """One packed artefact; lives a day longer than it is valid."""
        return f"{self._tag('d', shard)}:m:{key}:{made_at}"

    def verdicts(self, shard: int | str, key: str) -> str:
        """Hash anomaly → the last word on it; kept `VERDICT_LIFETIME` after the last of them."""
        return f"{self._tag('d', shard)}:v:{key}"

    def changes(self) -> str:
        """Hash service → when it was last changed; kept `DOMAIN_LIFETIME` after the last."""
        return f"aiops:{self.generation}{{changes}}"

    def admitted(self, selector: str) -> str:
        """Sorted set of the series a selector takes by the time they were last asked for."""
        return f"{self._tag('q', selector)}:series"

    def model_statuses(self) -> tuple[str, str]:
        """Hash series → how its last fit ended, and sorted set of the same by when it did."""
        tag = self._tag("t", "models")
        return f"{tag}:status", f"{tag}:noted"

    def training(self) -> tuple[str, str, str]:
        """Requests for models, in the order their scripts name them.

        requests (hash: series → when it was asked for and is due, the request), claims (hash:
        series → attempts, token of who works on it), due (sorted set: series by the time it is
        due, or by the end of the lease).
        """
        tag = self._tag("t", "queue")
        return f"{tag}:requests", f"{tag}:claims", f"{tag}:due"

    def delivery(self, sender: str, name: str) -> str:
        """What became of one delivery from outside; kept as long as it could be sent again."""
        return f"aiops:{self.generation}seen:{sender}:{name}"

    def processed(self) -> str:
        """Hash partition → time up to which `detect` has processed it."""
        return f"aiops:{self.generation}{{processed}}"

    def published(self) -> str:
        """Hash query → time of its last answer that was published; kept `PUBLISHED_LIFETIME`."""
        return f"aiops:{self.generation}{{published}}"

    def action_record(self, slot: int, incident: str) -> str:
        """Hash: record of an incident's steps, its revision, the snapshots they speak of."""
        return f"{self._tag('a', slot)}:i:{incident}"

    def action_due(self, slot: int) -> str:
        """Sorted set incident → when it has something to do next; never expires, pruned."""
        return f"{self._tag('a', slot)}:due"

    def action_lease(self, slot: int, incident: str, channel: str) -> str:
        """Who is sending to a channel about an incident; lives for seconds of real time."""
        return f"{self._tag('a', slot)}:lease:{incident}:{channel}"

    def rails(self) -> str:
        """Hash: locks, rests, budgets and breakers of all runbooks, and its revision."""
        return f"aiops:{self.generation}{{rails}}"

    def paused(self) -> str:
        """Set: no runbook does anything; never expires."""
        return f"aiops:{self.generation}act:paused"

    def counters(self) -> str:
        """Hash: totals of what functions count; never expires, bounded by its script."""
        return f"aiops:{self.generation}{{counts}}"

    def counter_writer(self, who: str) -> str:
        """Number of the last batch of counts of a thread; lives for `WRITER_LIFETIME`."""
        return f"aiops:{self.generation}{{counts}}:by:{who}"

    def incidents(self, domain: str) -> tuple[str, ...]:
        """Everything about the incidents of a domain, in the order its script names them.

        mark (hash: revision, watermark, processed_until), seen (sorted set: anomaly by time),
        in (hash: anomaly → incident), cell (sorted set: cell and incident by time), inc (hash:
        incident → record), redirect (hash: merged → survivor), moved (sorted set: merged by
        time), open (sorted set: by last activity), wait (sorted set: by the time people are to be
        told), closed (sorted set: by last anomaly), dirty (hash: incident → version), due (sorted
        set: dirty by the time of its change), told (hash: incident → generation published),
        topology (hash: valid from and version → calls), changes (sorted set: by time), survey
        (hash: valid from, version and time of observation → what was seen of the calls), causes
        (hash: incident → the verdict on its cause), silence (hash: id → what is known of it), past
        (hash: incident → what is kept of it), ended (sorted set: the same by when they ended).
        """
        tag = self._tag("c", domain)
        names = (
            "mark seen in cell inc redirect moved open wait closed dirty due told topology changes"
            " survey causes silence past ended"
        )
        return tuple(f"{tag}:{name}" for name in names.split())

    def _tag(self, kind: str, part: int | str) -> str:
        return f"aiops:{self.generation}{{{kind}:{part}}}"
