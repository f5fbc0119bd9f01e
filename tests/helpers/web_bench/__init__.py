"""The browser's library beside MediaPipe's in the same Chromium, on the same camera: `python -m web_bench`."""
