"""From checkpoint to ONNX and from ONNX to devices."""
