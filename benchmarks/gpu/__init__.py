"""One day on a GPU: `python -m sdfl.benchmarks.gpu` runs whatever needs an NVIDIA GPU and writes one record.

machine       the GPU, the tools and the libraries of this computer
steps         the table of what is run, the most valuable first
engines       its part about engines of the shipped models
process       one command with a time limit
run           runs the table and writes the record after each step
record        the record
page          the record as Markdown
side_by_side  the program that times engines in turns

Everything but `side_by_side` needs Python alone, because a computer with a GPU may have nothing else.
"""
