"""Comparisons: one model file between runtimes, or a built artifact with the ONNX file it was built from."""
