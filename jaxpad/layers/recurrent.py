"""`RNN`: a cell of flax along sequences in rows."""

from typing import Any

from flax import nnx
from flax.nnx.nn.recurrent import RNNCellBase

from ..batching import Ragged, segment_scan
from ..batching.batch import one_array


class RNN(nnx.Module):
    """A recurrent cell along each sequence alone, as `flax.nnx.RNN` runs it.

    Every sequence begins with the carry that the cell is initialised with, zeros unless
    the cell says otherwise. It takes as many steps as a row has cells: of
    `jaxpad.batching.lanes` few of them are empty. Outputs stand in the cells of their
    inputs, in reverse too.

    Args:
        cell: such as `nnx.GRUCell` or `nnx.LSTMCell`; its parameters become the
            layer's, at the path "cell", as in `nnx.RNN`.
        reverse: from the last cell of each sequence to its first.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxpad.batching import lanes, pack_sequences
        >>> batch = pack_sequences([jnp.ones((n, 3)) for n in (5, 2, 4)], capacity=8)
        >>> layer = RNN(nnx.GRUCell(3, 4, rngs=nnx.Rngs(0)))
        >>> layer(lanes(batch, 2)).values.shape
        (2, 6, 4)
    """

    def __init__(self, cell: RNNCellBase, *, reverse: bool = False):
        self.cell, self.reverse = cell, reverse

    def __call__(self, batch: Ragged) -> Ragged:
        """Applies the cell to values `[rows, capacity, features]`.

        Returns:
            The batch with the cell's outputs as values, 0 in empty cells.
        """
        x = one_array("RNN", batch)
        # A key that no cell uses that begins with zeros.
        init = self.cell.initialize_carry(x.shape[2:], nnx.Rngs(0))

        def step(carry: Any, x: Any) -> Any:
            return self.cell(carry, x)

        return segment_scan(step, init, batch, reverse=self.reverse)
