"""Labelling an archive of videos into one Parquet dataset, each video exactly once, on one computer or a cluster.

`videos` finds what there is to label, `labelling` labels one video or segment into one file, `dataset` knows which are
done, `run` puts them together, and `cluster` lets Ray Data call it on many processes and computers. Only that module
imports Ray.
"""
