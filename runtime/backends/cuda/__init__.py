"""GPU memory behind one small interface, by `cuda-bindings` or `pycuda`."""
