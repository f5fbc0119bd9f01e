"""Scenes through Blender's renderer Cycles. This is the only module that needs the package `bpy`."""

from __future__ import annotations

import importlib.util
import math
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from sdfl.errors import MissingDependency
from sdfl.train.synthetic.assets import Array
from sdfl.train.synthetic.scene import Light, Material, Scene, Strands, Surface

SAMPLES = 5  # light paths a pixel, before denoising
_SKIN_RADIUS = (1.0, 0.35, 0.2)  # how far red, green and blue light go below skin, relative


def require_bpy() -> None:
    """Raise MissingDependency where bpy is not installed; loading it here would change `sys.path` of new processes."""
    if importlib.util.find_spec("bpy") is None:
        raise MissingDependency("bpy", extra="synth")


class Renderer:
    """Renders scenes with one thread.

    Args:
        samples: light paths a pixel.

    Raises:
        MissingDependency: bpy is not installed.
    """

    def __init__(self, samples: int = SAMPLES) -> None:
        require_bpy()
        import bpy
        import mathutils

        self._bpy, self._mathutils, self._samples = bpy, mathutils, samples
        data = Path(bpy.utils.resource_path("LOCAL")) / "datafiles" / "studiolights" / "world"
        self.worlds = sorted(data.glob("*.exr"))
        self._backdrops: dict[int, Array] = {}

    def render(self, scene: Scene) -> Array:
        """Render a scene without its surroundings.

        Returns:
            (H, W, 4) linear RGB, multiplied by the opacity in the last channel.
        """
        bpy = self._bpy
        bpy.ops.wm.read_factory_settings(use_empty=True)
        self._set_up(scene)
        for surface in scene.surfaces:
            self._add_surface(surface)
        for strands in scene.strands:
            self._add_strands(strands)
        self._add_light(scene.light)
        with tempfile.TemporaryDirectory(prefix="sdfl-synth-") as folder, _silence():
            bpy.context.scene.render.filepath = str(Path(folder) / "picture.exr")
            bpy.ops.render.render(write_still=True)
            return self._pixels(bpy.context.scene.render.filepath)

    def backdrop(self, world: int) -> Array:
        """(H, W, 3) linear, the surroundings as a panorama."""
        if world not in self._backdrops:
            self._backdrops[world] = self._pixels(str(self.worlds[world]))[..., :3]
        return self._backdrops[world]

    def _pixels(self, path: str) -> Array:
        image = self._bpy.data.images.load(path)
        width, height = image.size
        pixels = np.empty(width * height * 4, np.float32)
        image.pixels.foreach_get(pixels)
        self._bpy.data.images.remove(image)
        return np.ascontiguousarray(pixels.reshape(height, width, 4)[::-1])

    def _set_up(self, scene: Scene) -> None:
        """Settings of the renderer, and the camera."""
        bpy, target = self._bpy, self._bpy.context.scene
        render, cycles = target.render, target.cycles
        render.engine, cycles.device, cycles.samples, cycles.seed = "CYCLES", "CPU", self._samples, 0
        cycles.use_adaptive_sampling, cycles.use_denoising, cycles.denoiser = False, True, "OPENIMAGEDENOISE"
        cycles.denoising_quality = cycles.denoising_prefilter = "FAST"
        cycles.max_bounces, cycles.diffuse_bounces, cycles.glossy_bounces = 4, 2, 2
        cycles.transmission_bounces, cycles.transparent_max_bounces = 2, 12
        cycles.caustics_reflective = cycles.caustics_refractive = False
        cycles.sample_clamp_indirect = 3.0
        render.threads_mode, render.threads, render.film_transparent = "FIXED", 1, True
        render.resolution_x, render.resolution_y = scene.camera.size
        render.image_settings.file_format, render.image_settings.color_mode = "OPEN_EXR", "RGBA"
        render.image_settings.color_depth = "32"
        lens = bpy.data.cameras.new("camera")
        lens.sensor_width, lens.sensor_fit, lens.clip_end = 36.0, "HORIZONTAL", 1000.0
        lens.lens = 36.0 * scene.camera.focal_px / scene.camera.size[0]
        camera = bpy.data.objects.new("camera", lens)
        x, y, z = scene.camera.target
        camera.location = _axes(np.array([x, y, z + scene.camera.distance]))
        camera.rotation_euler = (math.pi / 2, 0, 0)
        target.collection.objects.link(camera)
        target.camera = camera

    def _add_surface(self, surface: Surface) -> None:
        mesh = self._bpy.data.meshes.new("surface")
        mesh.vertices.add(len(surface.vertices))
        mesh.vertices.foreach_set("co", _axes(surface.vertices).ravel())
        mesh.loops.add(len(surface.loops))
        mesh.loops.foreach_set("vertex_index", np.ascontiguousarray(surface.loops, np.int32))
        mesh.polygons.add(len(surface.sizes))
        starts = np.concatenate([[0], np.cumsum(surface.sizes)[:-1]]).astype(np.int32)
        mesh.polygons.foreach_set("loop_start", starts)
        mesh.polygons.foreach_set("loop_total", np.ascontiguousarray(surface.sizes, np.int32))
        if surface.uv is not None:
            mesh.uv_layers.new(name="uv").data.foreach_set("uv", np.ascontiguousarray(surface.uv, np.float32).ravel())
        mesh.update(calc_edges=True)
        mesh.shade_smooth()
        mesh.materials.append(self._material(surface.material))
        self._link(mesh)

    def _add_strands(self, strands: Strands) -> None:
        count, places = strands.points.shape[:2]
        curves = self._bpy.data.hair_curves.new("hairs")
        curves.add_curves([places] * count)
        curves.position_data.foreach_set("vector", _axes(strands.points.reshape(-1, 3)).ravel())
        taper = np.tile(strands.radius * np.linspace(1, 0.35, places, dtype=np.float32), count)
        curves.attributes.new("radius", "FLOAT", "POINT").data.foreach_set("value", taper)
        curves.materials.append(self._hair(strands))
        self._link(curves)

    def _link(self, data: Any) -> None:
        self._bpy.context.scene.collection.objects.link(self._bpy.data.objects.new(data.name, data))

    def _material(self, wanted: Material) -> Any:
        material = self._bpy.data.materials.new("material")
        material.use_nodes = True
        nodes, links = material.node_tree.nodes, material.node_tree.links
        shader = nodes["Principled BSDF"]
        values = {
            "Roughness": wanted.roughness, "Metallic": wanted.metallic, "Alpha": wanted.opacity,
            "Coat Weight": wanted.coat, "Coat Roughness": 0.03, "Specular IOR Level": 0.4,
            "Subsurface Weight": wanted.subsurface, "Subsurface Radius": _SKIN_RADIUS, "Subsurface Scale": 0.35,
        }  # fmt: skip
        for name, value in values.items():
            shader.inputs[name].default_value = value
        if isinstance(wanted.colour, tuple):
            shader.inputs["Base Color"].default_value = (*wanted.colour, 1.0)
        else:
            texture = self._texture(nodes, wanted.colour)
            links.new(texture.outputs["Color"], shader.inputs["Base Color"])
            if wanted.colour.shape[2] == 4:
                links.new(texture.outputs["Alpha"], shader.inputs["Alpha"])
        if wanted.bump is not None:
            bump = nodes.new("ShaderNodeBump")
            bump.inputs["Distance"].default_value = 1.0
            links.new(
                self._texture(nodes, np.repeat(wanted.bump[..., None], 3, 2)).outputs["Color"], bump.inputs["Height"]
            )
            links.new(bump.outputs["Normal"], shader.inputs["Normal"])
        return material

    def _hair(self, strands: Strands) -> Any:
        material = self._bpy.data.materials.new("hair")
        material.use_nodes = True
        nodes, links = material.node_tree.nodes, material.node_tree.links
        shader, hair = nodes["Principled BSDF"], nodes.new("ShaderNodeHairInfo")
        ramp = nodes.new("ShaderNodeMix")
        ramp.data_type = "RGBA"
        ramp.inputs[6].default_value = (*(0.55 * each for each in strands.colour), 1.0)
        ramp.inputs[7].default_value = (*(1.45 * each for each in strands.colour), 1.0)
        links.new(hair.outputs["Random"], ramp.inputs[0])
        links.new(ramp.outputs[2], shader.inputs["Base Color"])
        shader.inputs["Roughness"].default_value = 0.5
        shader.inputs["Specular IOR Level"].default_value = 0.3
        return material

    def _texture(self, nodes: Any, picture: Array) -> Any:
        height, width, channels = picture.shape
        image = self._bpy.data.images.new("texture", width, height, float_buffer=True, alpha=True)
        image.colorspace_settings.name, image.alpha_mode = "Non-Color", "CHANNEL_PACKED"
        pixels = np.ones((height, width, 4), np.float32)
        pixels[..., :channels] = picture
        image.pixels.foreach_set(pixels[::-1].ravel())
        node = nodes.new("ShaderNodeTexImage")
        node.image = image
        return node

    def _add_light(self, light: Light) -> None:
        bpy = self._bpy
        world = bpy.data.worlds.new("world")
        bpy.context.scene.world = world
        world.use_nodes = True
        world.cycles.sampling_method, world.cycles.sample_map_resolution = "MANUAL", 256
        nodes, links = world.node_tree.nodes, world.node_tree.links
        picture, place, source = (nodes.new(f"ShaderNode{name}") for name in ("TexEnvironment", "Mapping", "TexCoord"))
        picture.image = bpy.data.images.load(str(self.worlds[light.world % len(self.worlds)]))
        place.inputs["Rotation"].default_value = (0, 0, light.turn)
        links.new(source.outputs["Generated"], place.inputs["Vector"])
        links.new(place.outputs["Vector"], picture.inputs["Vector"])
        links.new(picture.outputs["Color"], nodes["Background"].inputs["Color"])
        nodes["Background"].inputs["Strength"].default_value = light.strength
        if light.lamp is None:
            return
        lamp = bpy.data.lights.new("lamp", "AREA")
        lamp.energy, lamp.size, lamp.color = light.lamp_power, light.lamp_size, light.lamp_colour
        place = bpy.data.objects.new("lamp", lamp)
        place.location = _axes(np.array(light.lamp))
        towards = self._mathutils.Vector((0, -8, 0)) - place.location
        place.rotation_euler = towards.to_track_quat("-Z", "Y").to_euler()
        bpy.context.scene.collection.objects.link(place)


def _axes(points: Array) -> Array:
    """(..., 3) of the head's axes in Blender's: x right, y away from the camera, z up."""
    return np.ascontiguousarray(np.stack([points[..., 0], -points[..., 2], points[..., 1]], axis=-1), np.float32)


@contextmanager
def _silence() -> Iterator[None]:
    """Keep what the renderer prints from the standard output."""
    sys.stdout.flush()
    kept = os.dup(1)
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123
        os.dup2(nowhere.fileno(), 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
