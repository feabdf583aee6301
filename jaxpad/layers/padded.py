"""What every layer with a border has in common."""

from flax import nnx

from ..padding import Padding, as_padding
from ..typing import Amount, Mode


class Padded(nnx.Module):
    """A layer whose padding can be read and replaced.

    The mode is an attribute of its own, not inside a `Padding`, because one with
    parameters must be found by nnx.
    """

    def set_padding(self, padding: Mode | Padding, amount: Amount) -> None:
        """Stores the padding; an amount of its own comes before `amount`."""
        spec = as_padding(padding)
        self.mode, self.reweight = spec.mode, spec.reweight
        self.amount = amount if spec.amount is None else spec.amount

    @property
    def padding(self) -> Padding:
        """What this layer does at the border."""
        return Padding(self.mode, self.amount, self.reweight)
