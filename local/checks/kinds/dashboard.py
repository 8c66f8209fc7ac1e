"""A dashboard of Grafana: only the fields this project uses.

Source: https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
"""

from typing import Literal

from pydantic import Field

from local.objects import Strict

UNITS = Literal["percentunit", "s", "ops", "short"]


class GridPosition(Strict):
    """Where a panel is, in a grid 24 wide."""

    x: int = Field(ge=0, lt=24)
    y: int = Field(ge=0)
    w: int = Field(gt=0, le=24)
    h: int = Field(gt=0)


class Datasource(Strict):
    """Where a panel's data comes from: the one that was chosen."""

    type: Literal["prometheus"]
    uid: Literal["${datasource}"]


class Defaults(Strict):
    """How values are shown."""

    unit: UNITS
    min: int


class FieldConfig(Strict):
    """How fields are shown."""

    defaults: Defaults
    overrides: tuple[()]


class Target(Strict):
    """A query."""

    ref_id: str
    expr: str = Field(min_length=1)
    legend_format: str


class Panel(Strict):
    """A picture of some queries."""

    id: int
    type: Literal["timeseries"]
    title: str = Field(min_length=1)
    datasource: Datasource
    grid_pos: GridPosition
    field_config: FieldConfig
    targets: tuple[Target, ...] = Field(min_length=1)


class Choice(Strict):
    """What people choose above the panels."""

    name: Literal["datasource"]
    type: Literal["datasource"]
    query: Literal["prometheus"]
    label: str


class Templating(Strict):
    """Everything people choose."""

    list: tuple[Choice, ...]


class Span(Strict):
    """From when to when."""

    since: str = Field(alias="from")
    until: str = Field(alias="to")


class Dashboard(Strict):
    """Panels on a page."""

    uid: str
    title: str
    tags: tuple[str, ...]
    schema_version: int
    version: int
    editable: bool
    refresh: str
    time: Span
    templating: Templating
    panels: tuple[Panel, ...] = Field(min_length=1)
