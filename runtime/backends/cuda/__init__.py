"""GPU memory behind one small interface, with `cuda-bindings` or `pycuda`."""
