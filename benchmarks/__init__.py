"""Measuring: what a model costs and how well it does, as records that survive a second look.

records.py      one line of JSON a measurement, with the environment it was made in
suite.py        which artifacts, back ends, precisions, batches and threads (TOML)
latency.py      interleaved rounds in one worker process an artifact
accuracy.py     labelled pictures under true, detected, tracked and disturbed crops
video.py        clips with a known motion: cost, jitter, lag, lost and false faces, start
smoothing_curve.py  jitter against lag over the smoothing's parameters
bench.py        runs a suite and appends records
regression.py   compares records with a baseline; recommend.py chooses a model from them
peers/          other people's landmark models, each in an environment of its own
report/         draws records; the only part that imports plotting libraries
"""
