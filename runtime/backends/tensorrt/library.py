"""TensorRT's Python module, its log and the operator's plugin, which building and running engines share."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import Any

from sdfl.artifacts.landmark_spec import OPERATOR_DOMAIN, OPERATOR_NAME, OPERATOR_VERSION
from sdfl.artifacts.passport import PLUGIN_VARIABLE
from sdfl.errors import ArtifactError, ConfigError, MissingDependency, SdflError
from sdfl.runtime.backends.cuda.interface import ADVICE as CUDA_ADVICE

# Target -> possible names of its module, and the extra that brings it. (TensorRT-RTX's wheels use the second name.)
LIBRARIES = {
    "tensorrt": (("tensorrt",), "tensorrt"),
    "tensorrt-rtx": (("tensorrt_rtx", "tensorrt_rtx_bindings"), "rtx"),
}
OLDEST_MAJOR = {"tensorrt": 10, "tensorrt-rtx": 1}
RTX_CAPABILITIES = ("7.5", "8.0", "8.6", "8.9", "12.0", "12.1")  # GPUs that TensorRT-RTX 1.x builds for

# Words of TensorRT's parser and runtime -> what to do, which TensorRT itself never says.
ADVICE = (
    ("no kernel image is available", CUDA_ADVICE["NoKernelImage"]),
    ("out of memory", "memory is full; close other programs, give a smaller --workspace, or add swap on a Jetson "
     "(docs/guide/deploy-jetson.md)"),
    ("Plugin not found", f"the operator's plugin is not loaded; name its library with --plugin or {PLUGIN_VARIABLE}"),
    ("PluginCreator", f"the operator's plugin is not loaded; name its library with --plugin or {PLUGIN_VARIABLE}"),
    ("not compatible with this version", "it was built by another TensorRT; build it here with `sdfl build`"),
    ("Version tag does not match", "it was built by another TensorRT; build it here with `sdfl build`"),
    ("incompatible device", "it was built for another GPU; build it here with `sdfl build`"),
    ("CUDA driver version is insufficient", CUDA_ADVICE["InsufficientDriver"]),
)  # fmt: skip


def load_library(target: str) -> Any:
    """The module of a library.

    Args:
        target: a key of LIBRARIES.

    Raises:
        MissingDependency: it is not installed.
        SdflError: it is installed but cannot be used, or is too old.
    """
    names, extra = LIBRARIES[target]
    for name in names:
        try:
            module = import_module(name)
        except ModuleNotFoundError as error:
            if error.name != name:
                raise SdflError(f"{name} is installed but incomplete: {error}") from error
            continue
        except (ImportError, OSError) as error:
            if isinstance(error.__cause__ or error.__context__, KeyboardInterrupt):
                raise KeyboardInterrupt from error  # Ctrl-C while its bindings start looks like a broken library
            raise SdflError(
                f"{name} is installed but cannot be loaded ({_first_line(error)}); its libraries are missing or of "
                "another version; `sdfl doctor` shows what is there"
            ) from error
        if int(module.__version__.split(".")[0]) < OLDEST_MAJOR[target]:
            raise SdflError(
                f"{name} {module.__version__} is too old, {OLDEST_MAJOR[target]}.3 or later is needed; update to "
                "JetPack 6.1 or later"
            )
        return module
    raise MissingDependency(names[0], extra=extra)


class Log:
    """Keeps what TensorRT logs.

    Args:
        library: the module of TensorRT.

    Attributes:
        logger: to be handed to TensorRT.
        lines: (severity, message); severities 0 and 1 are errors.
    """

    def __init__(self, library: Any) -> None:
        self.lines: list[tuple[int, str]] = []
        keep = self.lines

        class Logger(library.ILogger):  # type: ignore[misc]
            def log(self, severity: Any, message: str) -> None:
                keep.append((int(severity), message))

        self.logger = Logger()

    def errors(self) -> list[str]:
        """The first line of every error, in the order in which they came."""
        return [_first_line(message) for severity, message in self.lines if severity <= 1]

    def why(self, otherwise: str) -> str:
        """The errors in one line.

        Args:
            otherwise: what to say where there are none.

        Returns:
            The first error whose cause is known and what to do about it, else the first error.
        """
        messages = [message for severity, message in self.lines if severity <= 1]
        for cause, advice in ADVICE:
            found = next((message for message in messages if cause.lower() in message.lower()), None)
            if found is not None:
                at = next(line for line in found.splitlines() if cause.lower() in line.lower())
                return f"{at.strip()[:200]}: {advice}"
        return self.errors()[0][:300] if messages else otherwise


def find_plugin() -> Path | None:
    """The library that SDFL_TENSORRT_PLUGIN names, None where it is not set; nothing else is searched.

    Raises:
        ConfigError: the named file does not exist.
    """
    named = os.environ.get(PLUGIN_VARIABLE)
    if not named:
        return None
    if not Path(named).is_file():
        raise ConfigError(f"{PLUGIN_VARIABLE} names {named}, which is no file")
    return Path(named)


def load_plugin(library: Any, log: Log, path: Path) -> None:
    """Load the operator's plugin into TensorRT's registry, if it is not there yet.

    Args:
        library: the module of TensorRT.
        log: that TensorRT writes to.
        path: of the plugin's library.

    Raises:
        ArtifactError: TensorRT cannot load the library, or it holds no such plugin.
    """
    registry = library.get_plugin_registry()
    wanted = (OPERATOR_NAME, str(OPERATOR_VERSION), OPERATOR_DOMAIN)
    if registry.get_creator(*wanted) is not None:
        return
    if registry.load_library(str(path)) is None:
        raise ArtifactError(f"{path}: TensorRT cannot load it as a plugin ({log.why('not a library of plugins')})")
    if registry.get_creator(*wanted) is None:
        raise ArtifactError(
            f"{path}: holds no plugin {OPERATOR_DOMAIN}::{OPERATOR_NAME} version {OPERATOR_VERSION}; build "
            "libsdfl_tensorrt.so as docs/reference/operator.md says"
        )


def _first_line(text: object) -> str:
    lines = [line.strip() for line in str(text).splitlines() if line.strip()]
    return lines[0] if lines else type(text).__name__
