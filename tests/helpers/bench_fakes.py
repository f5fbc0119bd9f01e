"""Records that need no measuring, and adapters that need no model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sdfl.benchmarks.records import Record, Subject

ENVIRONMENT = {"machine": "m1", "device": "Test CPU", "cpu": "Test CPU", "load_average": 0.1}
SLOW_BUT_SURE = """
import time
class Peer:
    layout = "ibug68"
    def __init__(self, options):
        self.pause_s = options["pause_s"]
    def network(self, batch):
        return lambda: time.sleep(self.pause_s * batch)
    def detect(self, image):
        return []
"""


def adapter(folder: Path, text: str, name: str = "adapter.py") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def subject(name: str = "net", backend: str = "openvino", **changes: Any) -> Subject:
    base: dict[str, Any] = {
        "precision": "fp32",
        "compute": "f32",
        "family": "net",
        "layout": "ibug68",
        "sha256": name,
        "file_bytes": 10**7,
    }
    return Subject(name, backend, **(base | changes))


def latency_record(
    who: Subject, ms: float, *, stage: str = "network", threads: int = 1, environment: dict[str, Any] | None = None,
    together: str = "run1", noise: float = 0.01,
) -> Record:  # fmt: skip
    rounds = [ms * (1 + noise * (-1) ** i) for i in range(10)]
    result = {
        "p50_ms": ms, "p90_ms": ms * 1.1, "p99_ms": ms * 1.3, "throughput_per_s": 1000 / ms, "round_p10_ms": rounds,
        "reference_ratio": ms, "reference_ratio_interval": [ms * (1 - noise), ms * (1 + noise)],
        "interleaved": together, "load_ms": 100.0, "first_ms": 10.0, "peak_rss_mb": 170.0, "rss_before_mb": 40.0,
    }  # fmt: skip
    settings = {"stage": stage, "threads": threads, "batch": 1}
    return Record("latency", who, settings, environment or ENVIRONMENT, result, command=f"sdfl bench {who.name}")


def accuracy_record(
    who: Subject,
    nme_percent: float,
    crops: str = "detected",
    *,
    count: int = 60,
    environment: dict[str, Any] | None = None,
) -> Record:
    rng = np.random.default_rng(0)
    errors = (nme_percent + rng.normal(0, 0.5, count)).round(4)
    errors += nme_percent - errors.mean()
    result = {
        "nme_percent": nme_percent, "nme_percent_interval": [nme_percent - 0.1, nme_percent + 0.1],
        "failure_rate_8_percent": 1.0, "failure_rate_10_percent": 0.5, "auc_10": 0.6, "num_images": count,
        "num_found": count, "crops": crops, "common_nme_percent": nme_percent - 0.5, "worst": [],
        "pictures": {
            "name": [f"{i}.jpg" for i in range(count)], "nme_percent": errors.tolist(),
            "common_nme_percent": (errors - 0.5).tolist(), "turn_percent": np.linspace(0, 40, count).tolist(),
            "hidden_percent": [float(i % 40) for i in range(count)],
        },
    }  # fmt: skip
    settings = {"crops": crops, "dataset": "helen/testset", "data": "/somewhere/helen/testset"}
    return Record("accuracy", who, settings, environment or ENVIRONMENT, result)
