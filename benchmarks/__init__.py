"""Measuring: how fast, how accurate and how stable models are, as records that can be compared later.

records       one measurement, one line of JSON, with the environment it was made in
suite         what to measure: models, back ends, precisions, batches and threads, from a TOML file
bench         runs a suite and appends records
environment   facts about the computer that change results
worker        one model in a process of its own
intervals     95 % bootstrap intervals
progress      progress bars
regression    compares records with a baseline
recommend     chooses a model from records

latency/      times taken in turns, relative to a reference workload; energy and clocks of a Jetson
accuracy/     labelled pictures with ground-truth, detected, tracked and disturbed crops
video/        clips with a known motion: CPU time, jitter, lag, lost and false faces, start
detector/     the face detector: recall, false detections, time
peers/        adapters for other projects' models, each in an environment of its own
report/       draws records; the only part that imports Altair
studies/      measurements behind single design decisions, as `sdfl study`
suites/       suites that come with the package
"""
