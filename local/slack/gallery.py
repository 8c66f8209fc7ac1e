"""Pictures of what people see in Slack: an incident of a drawn scenario, told by `act` itself.

`python -m local.slack.gallery --out docs` writes `slack-opened.png`, `slack-resolved.png`,
`slack-run.png` and `slack-plot.png`; `--html` leaves the pages beside them. Without a browser only
pages are written.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from aiops.clock import ManualClock
from aiops.errors import Unavailable
from aiops.events import Incident
from local.receiver import Receiver
from local.recording import Recording, read_recording
from local.scenario.generate import FAULTS_FROM_MS, generate
from local.scenario.recording import write
from local.slack.album import Teller, Versions, samples_of
from local.slack.page import page
from local.slack.photo import photograph
from local.slack.workspace import Workspace

ROOM = "incidents"
PROPOSAL = "restart-suspect would restart Deployment shop/{} (waits for one approval)"
LINKS = {
    "INCIDENT_URL": "https://console.example.com/incidents/",
    "GRAPH_URL": "https://grafana.example.com/d/service?var-service=",
    "RUNBOOK_URL": "https://wiki.example.com/runbooks/",
}


def main(arguments: list[str] | None = None) -> int:
    """Write the pictures; 1 where the scenario has no incident with a beginning and an end."""
    parser = argparse.ArgumentParser(prog="python -m local.slack.gallery", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder")
    parser.add_argument("--seed", type=int, default=4, help="of the scenario")
    parser.add_argument("--html", action="store_true", help="leave the pages as well")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    recording = _draw(options.seed)
    versions = Versions.of(recording)
    chosen = _worth_showing(versions)
    if chosen is None:
        sys.stderr.write("gallery: no incident of this scenario begins and ends\n")
        return 1
    _show(versions.of_one(chosen.id), recording, options.out, html=options.html)
    return 0


def _show(
    story: list[tuple[int, Incident]], recording: Recording, out: Path, *, html: bool
) -> None:
    """Tell an incident, with a picture once it is opened and one at its end."""
    clock = ManualClock()
    history = samples_of(recording, [story[-1][1]])(clock)
    with Receiver() as receiver:
        workspace = receiver.workspace
        workspace.clock = lambda: clock.ms / 1000
        teller = Teller({**workspace.environment, **LINKS}, clock, history)
        for at, snapshot in story:
            before = len(workspace.roots)
            teller.tell(at, snapshot)
            if len(workspace.roots) > before:
                _keep(workspace, out / "slack-opened.png", html=html)
                (out / "slack-plot.png").write_bytes(_plot(workspace))
        _keep(workspace, out / "slack-resolved.png", html=html)
    with Receiver() as receiver:
        workspace, clock.ms = receiver.workspace, story[0][0]
        workspace.clock = lambda: clock.ms / 1000
        teller = Teller({**workspace.environment, **LINKS}, clock, history)
        at, snapshot = next((at, one) for at, one in story if one.notified_at is not None)
        teller.tell(at, snapshot)
        teller.propose(snapshot, PROPOSAL.format(snapshot.root_cause[0].service))
        _keep(workspace, out / "slack-run.png", html=html, dialog="aiops.approve")


def _keep(workspace: Workspace, file: Path, *, html: bool, dialog: str = "") -> None:
    root = workspace.roots[-1]
    shown = page(ROOM, root, workspace.thread(root.ts), workspace.files, dialog)
    try:
        photograph(shown, file)
    except Unavailable as missing:
        sys.stderr.write(f"gallery: {missing}\n")
        html = True
    if html:
        file.with_suffix(".html").write_text(shown, encoding="utf-8")


def _plot(workspace: Workspace) -> bytes:
    blocks = workspace.roots[-1].blocks
    name = next(block["slack_file"]["id"] for block in blocks if block["type"] == "image")
    return workspace.files.content(name)


def _worth_showing(versions: Versions) -> Incident | None:
    """Return the incident that touches most, of those that were told and are over."""
    last = {one.id: one for _, one in versions.seen}
    found = [
        one
        for one in last.values()
        if one.status == "resolved"
        and one.notified_at is not None
        and one.opened_at >= FAULTS_FROM_MS
    ]
    return max(found, key=lambda one: (len(one.services), one.severity), default=None)


def _draw(seed: int) -> Recording:
    with tempfile.TemporaryDirectory(prefix="aiops-gallery-") as folder:
        write(generate(seed), Path(folder))
        return read_recording(Path(folder))


if __name__ == "__main__":
    sys.exit(main())
