"""What people call the things that records name: back ends, other projects' models, crops and stages."""

from __future__ import annotations

from sdfl.benchmarks.records import OWN_CROPS, Subject

BACKENDS = {"openvino": "OpenVINO", "onnxruntime": "ONNX Runtime", "tensorrt": "TensorRT", "litert": "LiteRT"}
PEERS = {
    "mediapipe_facemesh": "MediaPipe FaceMesh",
    "mediapipe_landmarker": "MediaPipe FaceLandmarker",
    "dlib68": "dlib",
}
CROPS = {
    "true": "ground-truth crops",
    "detected": "detected crops",
    "tracked": "tracked crops",
    OWN_CROPS: "own detector",
}
STAGES = {"network": "network alone", "frame": "tracked frame"}
AXES = {
    "shift": "shift",
    "scale": "scale",
    "rotation_deg": "roll",
    "occlusion": "occlusion",
    "blur": "blur",
    "darkness": "darkness",
    "compression": "JPEG compression",
    "coarseness": "low resolution",
}


def backend_name(backend: str) -> str:
    """The name of a back end as its makers write it, or `backend` itself where it is not known."""
    return BACKENDS.get(backend, backend)


def peer_name(subject: Subject) -> str:
    """The name of another project's model without its version: "MediaPipe FaceMesh (refined)"."""
    adapter, _, setting = subject.name.partition(" ")
    if adapter not in PEERS:
        return subject.name
    return PEERS[adapter] + (f" ({setting})" if setting else "")


def short_name(subject: Subject) -> str:
    """The name for a sentence that does not depend on the back end: "small_int8", "MediaPipe FaceMesh"."""
    return peer_name(subject) if subject.peer else subject.name


def full_name(subject: Subject) -> str:
    """The name for legends and tables: "small_int8 (OpenVINO f32)", "MediaPipe FaceMesh 0.10.21 (refined)"."""
    if subject.peer:
        name, bracket, setting = peer_name(subject).partition(" (")
        return f"{name} {subject.version}".strip() + bracket + setting
    return f"{subject.name} ({runs_in(subject)})"


def runs_in(subject: Subject) -> str:
    """Back end and arithmetic of one of the project's own models: "OpenVINO f32"."""
    compute = "" if subject.compute == "auto" else f" {subject.compute}"
    return backend_name(subject.backend) + compute
