"""Every failure that a user can cause or mend. The command line prints one line and exits with 1.

SdflError
├── ConfigError         a recipe or option: names the key
├── DataError           a picture, label file or folder: names the file
├── CheckpointError     a training checkpoint that cannot be used
├── ArtifactError       a model file that is missing, cut off or contradicts itself
├── SourceError         a camera, stream, video or picture
├── ClosedError         something that was closed is used
└── MissingDependency   a package that is not installed: names the pip command
"""


class SdflError(Exception):
    """Base of all expected failures. The message is one line and says what to do."""


class ConfigError(SdflError):
    """A recipe or option is wrong; the message quotes the key."""


class DataError(SdflError):
    """A picture, label file or folder cannot be used; the message names it."""


class CheckpointError(SdflError):
    """A checkpoint is cut off, of another model or of another layout."""


class ArtifactError(SdflError):
    """A model file is missing, cut off or carries contradictory metadata."""


class SourceError(SdflError):
    """A camera, stream, video, picture or folder of pictures cannot be read."""


class ClosedError(SdflError):
    """A landmarker or back end is used after it was closed."""


class MissingDependency(SdflError):
    """A package is not installed. extra: the extra of sdfl that brings it; None: it is installed by its own name."""

    def __init__(self, package: str, *, extra: str | None = None) -> None:
        target = f"'sdfl[{extra}]'" if extra else package
        super().__init__(f"{package} is not installed; install it with: pip install {target}")
