"""Bytes sent between eight devices by a convolution of an image split over them."""

import functools
import json
import os


os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8"
os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import jax.numpy as jnp
from jax.sharding import AxisType, NamedSharding, PartitionSpec as P
from measure import bytes_sent

import jaxpad


MODES = ("zero", "circular", "reflect", "symmetric", "replicate", "linear", "mean")


def main() -> None:
    # Not "spatial", by which jaxpad exchanges halos of itself.
    mesh = jax.make_mesh((8,), ("rows",), axis_types=(AxisType.Auto,))
    rows, whole = NamedSharding(mesh, P(None, "rows")), NamedSharding(mesh, P())
    x = jax.ShapeDtypeStruct((8, 64, 64, 64), jnp.float32, sharding=rows)
    kernel = jax.ShapeDtypeStruct((3, 3, 64, 64), jnp.float32, sharding=whole)

    def sent(function) -> int:
        """KiB that arrive at each device, the kernel's gradient among them."""
        with jax.set_mesh(mesh):
            return bytes_sent(function.lower(x, kernel).compile().as_text()) // 1024

    found = {}
    for mode in MODES:
        for name, strategy in (("GSPMD", "built_in"), ("halo", jaxpad.halo("rows"))):
            conv = functools.partial(jaxpad.conv, padding=mode, strategy=strategy)

            def gradients(x, kernel, conv=conv):
                y, back = jax.vjp(conv, x, kernel)
                return back(y)

            forward = jax.jit(conv, out_shardings=rows)
            both = jax.jit(gradients, out_shardings=(rows, whole))
            found[f"{mode} {name}"] = [sent(forward), sent(both)]
    print(json.dumps(found))


if __name__ == "__main__":
    main()
