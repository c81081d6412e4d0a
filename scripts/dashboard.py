#!/usr/bin/env python3
"""Prints files/monitoring/dashboard.json: what posestream.panels has, for Grafana 11 and newer."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

from grafana_foundation_sdk.builders import common, dashboard, prometheus, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import (
    LegendDisplayMode,
    LegendPlacement,
    TooltipDisplayMode,
)
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, DataSourceRef

sys.path.insert(0, str(Path(__file__).parents[1] / "files" / "openpose"))
from posestream.panels import PANELS, Panel

# What Grafana calls the units; what it does not know it writes behind the number.
UNITS = {"bytes": "bytes", "bytes/s": "Bps", "seconds": "s", "share": "percentunit"}
ROWS = {
    "streams": "Streams",
    "workers": "Workers",
    "broker": "Kafka and ZooKeeper",
    "hosts": "Hosts",
    "gpus": "GPUs",
}
# Chosen by whoever looks, as the import of the file asks for it.
SOURCE = DataSourceRef(type_val="prometheus", uid="${source}")


def plot(panel: Panel) -> timeseries.Panel:
    """Return a panel of Grafana's."""
    query = prometheus.Dataquery().expr(panel.query).legend_format(panel.legend).ref_id("A")
    legend = common.VizLegendOptions().display_mode(LegendDisplayMode.LIST)
    return (
        timeseries.Panel()
        .title(panel.title)
        .unit(UNITS.get(panel.unit, f"suffix: {panel.unit}"))
        .min(0)
        .span(8)
        .height(8)
        .datasource(SOURCE)
        .legend(legend.placement(LegendPlacement.BOTTOM).show_legend(True))
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
        .with_target(query)
    )


def page() -> str:
    """Return the dashboard as JSON."""
    built = (
        dashboard.Dashboard("posestream")
        .uid("posestream")
        .tags(["posestream", "openpose", "kafka"])
        .refresh("10s")
        .time("now-1h", "now")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .with_variable(
            dashboard.DatasourceVariable("source").label("Prometheus").type("prometheus")
        )
    )
    numbers = itertools.count(1)
    for row, panels in itertools.groupby(PANELS, key=lambda panel: panel.row):
        built = built.with_row(dashboard.Row(ROWS[row]).id(next(numbers)))
        for panel in panels:
            built = built.with_panel(plot(panel).id(next(numbers)))
    return JSONEncoder(sort_keys=True, indent=2).encode(built.build()) + "\n"


if __name__ == "__main__":
    print(page(), end="")
