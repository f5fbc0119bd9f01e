"""Who is seen, and how: everything about a picture that chance decides before anything is built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sdfl.train.synthetic.assets import HAIR, IDENTITIES, Array
from sdfl.train.synthetic.scene import Colour

Rng = np.random.Generator

_TONES = np.array(
    [
        [0.76, 0.50, 0.40], [0.66, 0.41, 0.30], [0.53, 0.31, 0.21], [0.40, 0.215, 0.135], [0.26, 0.13, 0.08],
        [0.15, 0.072, 0.044], [0.08, 0.038, 0.025],
    ]
)  # fmt: skip
_HAIR_COLOURS = {
    "black": (0.008, 0.007, 0.007), "dark brown": (0.022, 0.013, 0.009), "brown": (0.065, 0.034, 0.019),
    "light brown": (0.15, 0.085, 0.045), "blond": (0.36, 0.235, 0.115), "red": (0.22, 0.07, 0.025),
    "grey": (0.24, 0.235, 0.23), "white": (0.52, 0.5, 0.47),
}  # fmt: skip
GROWN = ("short", "side", "back", "fringe", "curly", "afro", "medium", "long")  # styles whose strands grow here
# Style -> chance for a woman and for a man. Names of HAIR are meshes of MakeHuman.
_STYLES: dict[str, tuple[float, float]] = {
    "bald": (0.01, 0.09), "buzz": (0.02, 0.13), "short": (0.05, 0.2), "side": (0.06, 0.16), "back": (0.06, 0.12),
    "fringe": (0.07, 0.07), "curly": (0.07, 0.08), "afro": (0.04, 0.03), "medium": (0.14, 0.02), "long": (0.2, 0.01),
    **dict.fromkeys(HAIR, (0.035, 0.011)),
}  # fmt: skip
ACCESSORIES = {
    "none": 0.36, "glasses": 0.14, "sunglasses": 0.06, "mask": 0.08, "beanie": 0.05, "cap": 0.05, "hat": 0.03,
    "scarf": 0.05, "hand": 0.09, "object": 0.05, "microphone": 0.02, "phone": 0.02,
}  # fmt: skip
# Expression -> chance, and shapes with the highest weight of each.
_EXPRESSIONS: dict[str, tuple[float, dict[str, float]]] = {
    "neutral": (0.18, {}),
    "smile": (0.24, {"mouthSmile": 0.8, "cheekSquint": 0.5, "mouthDimple": 0.2}),
    "laugh": (0.24, {"mouthSmile": 0.8, "jawOpen": 0.4, "mouthUpperUp": 0.35, "mouthLowerDown": 0.3, "eyeSquint": 0.3}),
    "surprise": (0.07, {"jawOpen": 0.65, "browInnerUp": 0.9, "browOuterUp": 0.8, "eyeWide": 0.8}),
    "anger": (0.06, {"browDown": 1.0, "noseSneer": 0.5, "mouthPress": 0.5, "eyeSquint": 0.5}),
    "sadness": (0.06, {"browInnerUp": 1.0, "mouthFrown": 0.8, "mouthShrugLower": 0.5}),
    "speech": (0.12, {"jawOpen": 0.35, "mouthFunnel": 0.4, "mouthStretch": 0.3}),
    "kiss": (0.04, {"mouthPucker": 0.9}),
    "squint": (0.05, {"eyeSquint": 0.9, "cheekSquint": 0.6, "browDown": 0.4}),
    "shout": (0.05, {"jawOpen": 0.95, "mouthStretch": 0.6, "mouthLowerDown": 0.5, "eyeSquint": 0.6, "browDown": 0.4}),
    "disgust": (0.05, {"noseSneer": 0.9, "mouthUpperUp": 0.6, "browDown": 0.5}),
}


@dataclass(frozen=True, eq=False)
class Person:
    """What stays the same about a person.

    Attributes:
        seed: of everything about the looks that is not listed here.
        identity: (100,) weights of the identity shapes.
        male: decides hair, beard and make-up.
        child: 0 for a grown-up, 1 for a small child.
        age: 0 young, 1 old.
        tone: of the skin, 0 light and 1 dark.
        skin: linear.
        style: of the hair, "bald", "buzz", of GROWN or of HAIR.
        hair: linear.
        brows: linear.
        beard: 0 none, 0.3 stubble, 1 full.
    """

    seed: int
    identity: Array
    male: bool
    child: float
    age: float
    tone: float
    skin: Colour
    style: str
    hair: Colour
    brows: Colour
    beard: float

    def rng(self, use: int) -> Rng:
        """The same random numbers each time, others for each `use`."""
        return np.random.default_rng([self.seed, use])


def draw_person(rng: Rng) -> Person:
    """Draw a person: children, grown-ups and old people of all skin tones."""
    male = bool(rng.random() < 0.5)
    child = float(rng.uniform(0.4, 1.0)) if rng.random() < 0.14 else 0.0
    age = 0.0 if child else float(rng.beta(1.1, 1.3))
    tone = float(rng.beta(1.0, 1.2))
    skin = np.array([np.interp(tone * 6, range(7), _TONES[:, channel]) for channel in range(3)])
    skin *= np.exp(rng.normal(0, 0.06, 3) * (0.6, 0.5, 0.8))
    dark, light = ["black", "black", "dark brown", "brown"], ["dark brown", "brown", "light brown", "blond", "red"]
    name = str(rng.choice(light if rng.random() > 0.25 + 1.6 * tone else dark))
    if age > 0.55 and rng.random() < 1.6 * age - 0.6:
        name = str(rng.choice(["grey", "white"]))
    hair = np.array(_HAIR_COLOURS[name]) * np.exp(rng.normal(0, 0.2))
    darker = 0.35 if name in ("blond", "white") else 0.7
    chances = np.array([each[male] for each in _STYLES.values()])
    if child:
        chances[:2] = 0
    style = str(rng.choice(list(_STYLES), p=chances / chances.sum()))
    beard = float(rng.choice([0, 0.3, 0.6, 1], p=[0.45, 0.25, 0.15, 0.15])) if male and not child else 0.0
    identity = rng.standard_normal(IDENTITIES) * np.clip(rng.normal(1, 0.12), 0.7, 1.3)
    return Person(
        int(rng.integers(2**31)), identity.astype(np.float32), male, child, age, tone, _colour(skin), style,
        _colour(hair), _colour(hair * darker), beard,
    )  # fmt: skip


def draw_expression(rng: Rng) -> tuple[str, dict[str, float]]:
    """A name and the weights of the shapes, with some asymmetry, gaze and blinking."""
    chances = np.array([chance for chance, _ in _EXPRESSIONS.values()])
    name = str(rng.choice(list(_EXPRESSIONS), p=chances / chances.sum()))
    strength = rng.uniform(0.4, 1.0)
    weights: dict[str, float] = {}
    for shape, most in _EXPRESSIONS[name][1].items():
        for end in ("_L", "_R") if not shape.startswith(("jaw", "mouthFunnel", "mouthPucker", "mouthShrug")) else ("",):
            weights[shape + end] = float(np.clip(most * strength * rng.normal(1, 0.15), 0, 1))
    for shape in rng.choice(
        ["jawLeft", "jawRight", "mouthLeft", "mouthRight", "cheekPuff", "mouthRollLower", "jawForward"], 2
    ):
        weights[str(shape)] = float(rng.random() < 0.3) * float(rng.uniform(0, 0.6))
    blink = float(rng.uniform(0.4, 1.0)) if rng.random() < 0.1 else abs(float(rng.normal(0, 0.1)))
    return name, weights | {"eyeBlink": min(blink, 1.0)} | gaze(*rng.normal(0, 0.35, 2))


def gaze(right: float, up: float) -> dict[str, float]:
    """The shapes of eyes that look to the picture's right and up, both in -1..1."""
    aside = ("eyeLookOut_L", "eyeLookIn_R") if right > 0 else ("eyeLookIn_L", "eyeLookOut_R")
    return dict.fromkeys(aside, min(abs(right), 1.0)) | {"eyeLookUp" if up > 0 else "eyeLookDown": min(abs(up), 0.8)}


def draw_pose(rng: Rng) -> tuple[float, float, float]:
    """Yaw, pitch and roll in degrees: more than half of the heads are turned by anything up to 90 degrees."""
    yaw = rng.normal(0, 18) if rng.random() < 0.4 else rng.uniform(-90, 90)
    pitch, roll = np.clip(rng.normal(0, 14), -38, 38), np.clip(rng.normal(0, 13), -45, 45)
    return float(np.clip(yaw, -90, 90)), float(pitch), float(roll)


def draw_accessory(rng: Rng) -> str:
    """A key of ACCESSORIES."""
    return str(rng.choice(list(ACCESSORIES), p=np.array(list(ACCESSORIES.values())) / sum(ACCESSORIES.values())))


def mixed(a: Mapping[str, float], b: Mapping[str, float]) -> dict[str, float]:
    """Weights of shapes that add up, at most 1 each."""
    return {name: min(a.get(name, 0.0) + b.get(name, 0.0), 1.0) for name in {**a, **b}}


def _colour(values: Array) -> Colour:
    red, green, blue = (float(each) for each in np.clip(values, 0.002, 0.95))
    return red, green, blue
