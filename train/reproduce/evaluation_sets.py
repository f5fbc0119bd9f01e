"""Test sets by name and the figures that the paper's tables quote (section IV.A)."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import torch

from sdfl.datasets import Sample, find_samples, is_split, load_split
from sdfl.evaluation import Evaluation
from sdfl.metrics import auc, auc_sampled, failure_rate
from sdfl.model.complexity import network_cost
from sdfl.model.landmarks.network import Network
from sdfl.train.data.landmark_dataset import locate

HELEN_TEST, HELEN_VALIDATION = "HELEN test", "HELEN validation"
METRICS = {
    "nme": "NME (%)",
    "fr": "FR at 10 % (%)",
    "auc": "AUC (exact)",
    "auc20": "AUC (20 thresholds)",
    "macs": "multiply-adds (G)",
    "ms": "ms a picture",
}
COST = "cost"  # what a network costs stands beside the test sets: "cost.macs", "cost.ms"


def test_samples(name: str, data: Path) -> list[Sample]:
    """Find the pictures of a test set.

    Args:
        name: "<dataset>:<split>", HELEN_TEST or HELEN_VALIDATION.
        data: the folder that holds the datasets.

    Raises:
        DataError: they are missing.
    """
    if is_split(name):
        return load_split(data, name)
    if name == HELEN_VALIDATION:  # every fifth picture of HELEN train, as the recipes hold it out
        return find_samples(locate(data, "helen/trainset"))[::5]
    return find_samples(locate(data, "helen/testset"))


def measure(result: Evaluation) -> dict[str, float]:
    """The figures of an evaluation that the paper's tables quote.

    Returns:
        "nme" (inter-ocular, percent), "fr" (failures above 10 %, percent), "auc" and "auc20" (both protocols, up to 10
        %).
    """
    found = result.errors[~np.isnan(result.errors)]
    return {
        "nme": float(found.mean()) * 100,
        "fr": failure_rate(result.errors, 0.10) * 100,
        "auc": auc(result.errors, 0.10),
        "auc20": auc_sampled(result.errors, 0.10),
    }


def measure_cost(network: Network, repeats: int = 30) -> dict[str, float]:
    """Measure what a network costs.

    Args:
        network: where it is to run.
        repeats: how often the time is measured.

    Returns:
        "cost.macs", multiply-adds of one picture in thousand millions, and "cost.ms", the median time of one.
    """
    device = next(network.parameters()).device
    size = network.config.input_size
    picture = torch.zeros(1, size, size, 3, dtype=torch.uint8, device=device)
    times_s = []
    with torch.inference_mode():
        for _ in range(repeats):
            start_s = time.perf_counter()
            network.eval()(picture).points.cpu()  # waits for the device
            times_s.append(time.perf_counter() - start_s)
    macs = network_cost(network.cpu())["total"].multiply_adds
    return {f"{COST}.macs": macs / 1e9, f"{COST}.ms": float(np.median(times_s[repeats // 3 :])) * 1e3}
