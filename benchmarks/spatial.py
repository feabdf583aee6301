"""What does a U-Net take of each of eight devices that share the rows of its images?

Command: python benchmarks/spatial.py [tpu] [PADDING ...]
         for virtual CPU devices, or for a v5e:2x4, which needs no TPU but libtpu
Device:  two CPU cores: CPU 1 minute and TPU 5 minutes for a padding; nothing is run
Expect:  a quarter or less of one device's memory, and as many bytes sent under
         circular padding as under zeros, at most 1.1 times
"""

import os
import sys
from typing import Any


os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8"

import jax
import jax.numpy as jnp
from flax import nnx
from jax.sharding import NamedSharding, PartitionSpec

from jaxpad.conv import split_image, target
from jaxpad.models import MODELS
from jaxpad.sharding import batch_split, make_mesh, under
from jaxpad.train import topology_devices
from jaxpad.train.compiled import Measured, measure


TPU = "tpu" in sys.argv[1:]
SIZE, BATCH = 512, 2
PADDINGS = ["zero", "partial", "circular", "reflect", "replicate"]


def step_of(padding: str, devices: list[Any]) -> Measured:
    """A step of gradient descent on images of 512 x 512."""
    mesh = make_mesh({"data": 1, "spatial": -1}, devices)
    dtype = jnp.bfloat16 if TPU else jnp.float32

    def make() -> nnx.Module:
        return MODELS["unet"](
            3, 19, width=32, padding=padding, dtype=dtype, rngs=nnx.Rngs(0)
        )

    graph, params, rest = nnx.split(nnx.eval_shape(make), nnx.Param, ...)

    def loss(params: Any, rest: Any, images: jax.Array, labels: jax.Array) -> jax.Array:
        model = nnx.merge(graph, params, rest, copy=True)
        scores = jax.nn.log_softmax(model(split_image(images)).astype(jnp.float32))
        return -jnp.mean(jnp.take_along_axis(scores, labels[..., None], -1))

    def descend(params: Any, *rest: Any) -> Any:
        grads = jax.grad(loss)(params, *rest)
        return jax.tree.map(lambda p, g: p - 0.1 * g, params, grads)

    shape, whole = (BATCH, SIZE, SIZE, 3), NamedSharding(mesh, PartitionSpec())
    split = batch_split(mesh, shape)
    step = jax.jit(
        under(mesh, descend),
        in_shardings=(whole, whole, split, split),
        out_shardings=whole,
        donate_argnums=0,
    )
    images = jax.ShapeDtypeStruct(shape, dtype)
    labels = jax.ShapeDtypeStruct(shape[:-1], jnp.int32)
    platform = devices[0].platform
    with target(platform):
        program = step.lower(params, rest, images, labels).compile()
    return measure(program, platform)


def main() -> None:
    devices = list(topology_devices("v5e:2x4")) if TPU else jax.devices()
    print(f"of a device, a {devices[0].device_kind}:")
    print("| padding | devices | sent | read and written | memory | FLOPs |")
    print("| --- | --- | --- | --- | --- | --- |")
    for padding in [name for name in sys.argv[1:] if name != "tpu"] or PADDINGS:
        for count in (1, 8):
            found = step_of(padding, devices[:count])
            sent = sum(size for _, size in found.collectives.values())
            held = found.peak - found.arguments
            print(
                f"| {padding} | {count} | {sent / 2**20:,.1f} MiB "
                f"| {found.moved / 2**20:,.0f} MiB | {held / 2**20:,.0f} MiB "
                f"| {found.flops / 1e9:,.1f} G |",
                flush=True,
            )


if __name__ == "__main__":
    main()
