"""Vision transformers: attention between the patches of an image."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Float, Shaped

from ..padding import Padding, as_padding
from ..typing import AnyArray, Array, Mode
from .catalogue import MODELS
from .parts import layer_norm, patches


# The published start of the dense layers.
_init = nnx.initializers.xavier_uniform()


def attention(
    q: Float[Array, "batch queries heads features"],
    k: Float[Array, "batch keys heads features"],
    v: Float[Array, "batch keys heads features"],
) -> Float[Array, "batch queries heads features"]:
    """softmax(q k' / sqrt(features)) v of each head; the softmax is taken in float32.

    "Attention Is All You Need" (Vaswani et al., 2017).
    """
    # jax.nn.dot_product_attention mixes dtypes, which strict promotion refuses.
    scores = jnp.einsum("bqhd,bkhd->bhqk", q, k, preferred_element_type=jnp.float32)
    weights = jax.nn.softmax(scores * q.shape[-1] ** -0.5)
    return jnp.einsum("bhqk,bkhd->bqhd", weights.astype(v.dtype), v)


class EncoderBlock(nnx.Module):
    """x + attention(norm(x)), then the same with a dense layer of 4 times the width.

    Args:
        features: channels of a token.
        heads: of the attention.
        dtype: of the computation.
        rngs: keys for the initializers.
    """

    def __init__(self, features: int, heads: int, *, dtype: Any, rngs: nnx.Rngs):
        def dense(inputs: int, outputs: int) -> nnx.Linear:
            return nnx.Linear(
                inputs, outputs, kernel_init=_init, dtype=dtype, rngs=rngs
            )

        self.heads = heads
        self.norms = nnx.List(
            layer_norm(features, dtype=dtype, rngs=rngs) for _ in range(2)
        )
        self.qkv = dense(features, 3 * features)
        self.out = dense(features, features)
        self.dense = nnx.List(
            [dense(features, 4 * features), dense(4 * features, features)]
        )

    def __call__(self, x: Shaped[Array, "..."]) -> Shaped[Array, "..."]:
        batch, tokens, features = x.shape
        qkv = self.qkv(self.norms[0](x))
        qkv = qkv.reshape(batch, tokens, 3, self.heads, features // self.heads)
        seen = attention(*(qkv[:, :, n] for n in range(3)))
        x = x + self.out(seen.reshape(x.shape))
        y = jax.nn.gelu(self.dense[0](self.norms[1](x)), approximate=False)
        return x + self.dense[1](y)


class ViT(nnx.Module):
    """Patches and a class token, encoder blocks, and a linear head on that token.

    Where one patch begins, the last one ends: there is no border to pad, and every
    padding gives the same function. `padding` is there so that a config may name one.

    Args:
        channels: channels of the image.
        classes: outputs; None leaves the head away: calling the network gives the
            class token, normed.
        width: channels of a token.
        depth: encoder blocks.
        heads: of the attention; they divide `width`.
        patch: pixels along each side of a patch.
        image_size: pixels along each side of the images; position embeddings belong
            to it.
        padding: a name in `jaxpad.PADDINGS`, a mode, or a `jaxpad.Padding`.
        dtype: of the computation; parameters stay float32.
        rngs: keys for the initializers.

    Raises:
        ValueError: if patches do not tile the image, or heads the width.

    Example:
        >>> net = ViT(3, 10, width=8, depth=1, heads=2, patch=4, image_size=16,
        ...           rngs=nnx.Rngs(0))
        >>> net(jnp.ones((2, 16, 16, 3))).shape
        (2, 10)

    "An Image is Worth 16x16 Words" (Dosovitskiy et al., 2020).
    """

    def __init__(
        self,
        channels: int,
        classes: int | None,
        *,
        width: int,
        depth: int,
        heads: int,
        patch: int = 16,
        image_size: int = 224,
        padding: Mode | Padding = "zero",
        dtype: Any = None,
        rngs: nnx.Rngs,
    ):
        if image_size % patch or width % heads:
            raise ValueError(
                f"image_size={image_size} must be a multiple of patch={patch}, and "
                f"width={width} one of heads={heads}."
            )
        self.channels, self.image_size, self.dtype = channels, image_size, dtype
        self.patches = patches(
            channels, width, patch, padding=as_padding(padding), dtype=dtype, rngs=rngs
        )
        self.token = nnx.Param(jnp.zeros((1, 1, width)))
        positions = nnx.initializers.normal(0.02)
        tokens = (image_size // patch) ** 2 + 1
        self.positions = nnx.Param(positions(rngs.params(), (1, tokens, width)))
        self.blocks = nnx.List(
            EncoderBlock(width, heads, dtype=dtype, rngs=rngs) for _ in range(depth)
        )
        self.norm = layer_norm(width, dtype=dtype, rngs=rngs)
        self.head = nnx.data(None)
        if classes is not None:
            zeros = nnx.initializers.zeros_init()
            self.head = nnx.Linear(
                width, classes, kernel_init=zeros, dtype=dtype, rngs=rngs
            )

    def __call__(
        self, x: Float[AnyArray, "batch height width channels"]
    ) -> Float[Array, "batch classes"]:
        """Class scores of images.

        Raises:
            ValueError: for images of another size than the position embeddings'.
        """
        if x.shape[1:3] != (self.image_size, self.image_size):
            raise ValueError(
                f"images of {x.shape[1]}x{x.shape[2]} pixels came, but the position "
                f"embeddings are for image_size={self.image_size}. Resize the images, "
                "or make the model for square ones of another image_size."
            )
        y = self.patches(x)
        y = y.reshape(len(y), -1, y.shape[-1])
        token = self.token[...].astype(y.dtype)
        token = jnp.broadcast_to(token, (len(y), 1, y.shape[-1]))
        y = jnp.concatenate([token, y], axis=1)
        positions = self.positions[...].astype(y.dtype)
        y = y + jnp.broadcast_to(positions, y.shape)
        for block in self.blocks:
            y = block(y)
        y = self.norm(y[:, 0])
        return y if self.head is None else self.head(y)


@MODELS.register
def vit_s_16(channels: int, classes: int | None, **options) -> ViT:
    """ViT-S with patches of 16 pixels, 22.1 million parameters at 1,000 classes."""
    return _vit(channels, classes, 384, 12, 6, options)


@MODELS.register
def vit_b_16(channels: int, classes: int | None, **options) -> ViT:
    """ViT-B with patches of 16 pixels, 86.6 million parameters at 1,000 classes."""
    return _vit(channels, classes, 768, 12, 12, options)


@MODELS.register
def vit_l_16(channels: int, classes: int | None, **options) -> ViT:
    """ViT-L with patches of 16 pixels, 304.3 million parameters at 1,000 classes."""
    return _vit(channels, classes, 1024, 24, 16, options)


def _vit(
    channels: int, classes: int | None, width: int, depth: int, heads: int, options: Any
) -> ViT:
    sizes = {"width": width, "depth": depth, "heads": heads}
    return ViT(channels, classes, **{**sizes, **options})
