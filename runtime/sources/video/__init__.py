"""Video files, decoded by PyAV or, without it, by OpenCV."""

from sdfl.runtime.sources.video.source import CaptureSource, VideoSource

__all__ = ["CaptureSource", "VideoSource"]
