"""One face of a set: everything that belongs to it follows from the set's seed and the face's number."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from sdfl.geometry import landmark_box
from sdfl.train.synthetic.assets import Array
from sdfl.train.synthetic.build import Built, Studio
from sdfl.train.synthetic.labels import Camera, visible
from sdfl.train.synthetic.person import (
    Person,
    Rng,
    draw_accessory,
    draw_expression,
    draw_person,
    draw_pose,
)
from sdfl.train.synthetic.photo import develop, draw_background, jpeg
from sdfl.train.synthetic.render import Renderer
from sdfl.train.synthetic.scene import Light, Scene, Surface
from sdfl.types import Image

SECOND_HEAD = 0.1  # share of pictures


@dataclass(frozen=True, eq=False)
class Face:
    """A face before it is rendered.

    Attributes:
        scene: what is seen.
        record: its labels, see docs/reference/file-formats.md.
        person: whose face it is.
        rng: goes on with background and camera.
    """

    scene: Scene
    record: dict[str, Any]
    person: Person
    rng: Rng


def compose(studio: Studio, seed: int, number: int, size: tuple[int, int]) -> Face:
    """Draw and build a face; needs no renderer.

    Args:
        studio: the assets.
        seed: of the set.
        number: of the face in it.
        size: width and height of the picture in px.
    """
    rng = np.random.default_rng([seed, number])
    person, (expression, weights), pose = draw_person(rng), draw_expression(rng), draw_pose(rng)
    accessory = draw_accessory(rng)
    built = studio.build(person, weights, pose, accessory)
    camera = frame(built.vertices[studio.model.landmarks], size, rng)
    scene = Scene(camera, draw_light(rng), built.surfaces, built.strands)
    record = labels(studio, built, pose, scene)
    record |= {"expression": expression, "accessory": accessory, "hair": person.style, "male": person.male}
    record |= {key: round(getattr(person, key), 3) for key in ("age", "child", "tone", "beard")}
    if rng.random() < SECOND_HEAD:
        scene, box = _with_second_head(studio, scene, rng)
        record = record | labels(studio, built, pose, scene) | {"other_faces": [box]}
    return Face(scene, record, person, rng)


def finish(face: Face, renderer: Renderer, backgrounds: list[Path]) -> bytes:
    """Render a face; the content of a JPEG file."""
    rng = face.rng
    render = renderer.render(face.scene)
    panorama = renderer.backdrop(face.scene.light.world % len(renderer.worlds))
    background = draw_background(rng, face.scene.camera.size, panorama, backgrounds)
    return jpeg(photograph(render, background, face.record, face.person.tone, rng), rng)


def photograph(
    render: Array, background: Array, record: dict[str, Any], tone: float, rng: Rng, frame: int = 0
) -> Image:
    """A render before a background, exposed for the face; see `develop`. `record` has its labels."""
    brightness = float(rng.uniform(0.42, 0.72) * (1.05 - 0.45 * tone))
    skin = np.zeros(render.shape[:2], np.uint8)
    cv2.fillConvexPoly(skin, cv2.convexHull(np.round(record["points_68"]).astype(np.int32)), 1)
    return develop(render, background, rng, skin=skin > 0, brightness=brightness, frame=frame)


def frame(marks: Array, size: tuple[int, int], rng: Rng) -> Camera:
    """A camera at 40 cm to 2.5 m that shows the landmarks of (68, 3) cm and some of what is around them."""
    low, high = marks.min(axis=0), marks.max(axis=0)
    extent = max(float((high - low)[:2].max()), 13.0)
    distance = float(np.exp(rng.uniform(np.log(40), np.log(250))))
    x, y = (low + high)[:2] / 2 + rng.normal((0, 1.0), 1.0)
    wide = extent * rng.uniform(1.5, 2.6) * size[0] / min(size)
    return Camera((float(x), float(y), float(low[2])), distance, float(distance * size[0] / wide), size)


def draw_light(rng: Rng) -> Light:
    """Some surroundings, and in more than half of the pictures a lamp."""
    world, turn, strength = int(rng.integers(8)), float(rng.uniform(0, 2 * np.pi)), float(rng.uniform(0.4, 1.2))
    if rng.random() < 0.45:
        return Light(world, turn, strength)
    aside, up, warm = rng.uniform(-1.7, 1.7), rng.uniform(-0.3, 1.1), rng.uniform(0, 1)
    place = 90 * np.array([np.sin(aside) * np.cos(up), np.sin(up), np.cos(aside) * np.cos(up)])
    power, side = float(np.exp(rng.uniform(np.log(8e3), np.log(8e4)))), float(rng.uniform(5, 60))
    colour = (1.0, float(0.75 + 0.25 * warm), float(0.5 + 0.5 * warm))
    return Light(world, turn, strength, (float(place[0]), float(place[1]), float(place[2])), power, side, colour)


def labels(studio: Studio, built: Built, pose: tuple[float, float, float], scene: Scene) -> dict[str, Any]:
    """Places in px and visibility of the 68 and 98 points, and the pose in degrees."""
    record: dict[str, Any] = {
        "pose": dict(zip(("yaw_deg", "pitch_deg", "roll_deg"), np.round(pose, 2).tolist(), strict=True))
    }
    both = studio.labeller.points(built.vertices, pose, scene.camera)
    contour = np.concatenate([np.arange(68) < 17, np.arange(98) < 33])
    seen = visible(np.concatenate(both), scene.camera, scene.covers(), scene.hairs(), contour=contour)
    for points, flags in zip(both, (seen[:68], seen[68:]), strict=True):
        record[f"points_{len(points)}"] = np.round(scene.camera.project(points)[:, :2], 2).tolist()
        record[f"visible_{len(points)}"] = flags.astype(int).tolist()
    return record


def _with_second_head(studio: Studio, scene: Scene, rng: Rng) -> tuple[Scene, list[float]]:
    """Someone beside or behind, often cut off by the edge, and the box of that face's 68 points."""
    person, (_, weights), pose = draw_person(rng), draw_expression(rng), draw_pose(rng)
    built = studio.build(person, weights, pose, "none")
    half = 0.5 * scene.camera.size[0] * scene.camera.distance / scene.camera.focal_px
    aside = rng.choice([-1, 1]) * max(half * rng.uniform(0.7, 1.15), 11.0)
    shift = np.array([aside + scene.camera.target[0], rng.normal(0, 5), rng.uniform(-45, 4)], np.float32)
    moved: list[Surface] = [replace(each, vertices=each.vertices + shift) for each in built.surfaces]
    hairs = [replace(each, points=each.points + shift) for each in built.strands]
    both = replace(scene, surfaces=[*scene.surfaces, *moved], strands=[*scene.strands, *hairs])
    points = studio.labeller.points(built.vertices, pose, scene.camera)[0] + shift
    return both, np.round(landmark_box(scene.camera.project(points)[:, :2].astype(np.float32)), 2).tolist()
