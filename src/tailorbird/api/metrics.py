"""What all workers have counted, in Prometheus's format."""

from collections.abc import Iterator
from pathlib import Path

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from tailorbird.api.counts import (
    ANSWERS,
    BOUNDS,
    LATENCY,
    QUARANTINED,
    RECEIVED,
    REFUSED,
    ROUTES,
    SIZE,
    STATUSES,
    WAITING,
    WIDTH,
    workers,
)

CONTENT_TYPE = CONTENT_TYPE_LATEST


def exposition(directory: Path, log_offset: int, applied_offset: int) -> bytes:
    """All workers' counts, which stand in ``directory``, and how far the installation has come."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Counted(directory, log_offset, applied_offset))
    return generate_latest(registry)


class _Counted:
    def __init__(self, directory: Path, log_offset: int, applied_offset: int) -> None:
        self._directory, self._log_offset, self._applied_offset = directory, log_offset, applied_offset

    def collect(self) -> Iterator[Metric]:
        found = list(workers(self._directory))
        totals = [sum(values[number] for _, values in found) for number in range(SIZE)]
        yield CounterMetricFamily("tailorbird_events_received", "Events taken in.", value=totals[RECEIVED])
        yield CounterMetricFamily(
            "tailorbird_events_quarantined", "Events kept aside because they are wrong.", value=totals[QUARANTINED]
        )
        yield CounterMetricFamily(
            "tailorbird_events_refused", "Events not stored because the person refused.", value=totals[REFUSED]
        )
        answers = CounterMetricFamily("tailorbird_answers", "Requests answered.", labels=["route", "status"])
        latency = HistogramMetricFamily(
            "tailorbird_answer_seconds", "From a request's last byte to its answer.", labels=["route"]
        )
        for index, route in enumerate(ROUTES):
            for number, status in enumerate(STATUSES):
                answers.add_metric([route, str(status)], totals[ANSWERS + index * len(STATUSES) + number])
            latency.add_metric([route], *_histogram(totals[LATENCY + index * WIDTH :][:WIDTH]))
        yield answers
        yield latency
        waiting = GaugeMetricFamily("tailorbird_waiting", "Events in a worker's queue.", labels=["worker"])
        for pid, values in found:
            if Path(f"/proc/{pid}").exists():
                waiting.add_metric([pid], values[WAITING])
        yield waiting
        yield GaugeMetricFamily(
            "tailorbird_log_offset", "Offset of the newest record in the log.", value=self._log_offset
        )
        yield GaugeMetricFamily(
            "tailorbird_applied_offset", "Offset that the state has come to.", value=self._applied_offset
        )


def _histogram(values: list[float]) -> tuple[list[tuple[str, float]], float]:
    buckets, total = [], 0.0
    for bound, count in zip((*BOUNDS, float("inf")), values[:-1], strict=True):
        total += count
        buckets.append(("+Inf" if bound == float("inf") else str(bound), total))
    return buckets, values[-1]
