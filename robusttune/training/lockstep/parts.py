"""The networks of members that are differentiated at once."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from robusttune.training.lockstep.distributions import ActionHead
from robusttune.training.lockstep.images import ImageNetwork
from robusttune.training.lockstep.networks import StackedMLP
from robusttune.training.lockstep.rollout import pad_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Rows whose minibatches are computed at once: all of them, but of those that see images one at a time.

    The activations of a minibatch of images take so much memory that they are better used up before the next member's.

    Attributes
    ----------
    rows : range
    at : slice
        The same in matrices, an empty row included.
    actor, critic : StackedMLP
    head : ActionHead
    image : ImageNetwork, optional
        What both see through.
    """

    rows: range
    at: slice
    actor: StackedMLP
    critic: StackedMLP
    head: ActionHead
    image: ImageNetwork | None

    def release(self) -> None:
        """Forget the last minibatch, which nobody will differentiate."""
        if self.image is not None:
            self.image.release()

    def backward(self, d_outputs: Tensor, d_values: Tensor, n_rows: int) -> None:
        """Write the gradient of all parameters.

        Parameters
        ----------
        d_outputs : Tensor, shape (width, size, n_outputs)
            Gradient by the actor's outputs.
        d_values : Tensor, shape (width, size)
        n_rows : int
            `size`, padded.
        """
        to_input = self.image is not None
        by_actor = self.actor.backward(pad_rows(d_outputs, n_rows), to_input=to_input)
        by_critic = self.critic.backward(pad_rows(d_values[..., None], n_rows), to_input=to_input)
        if self.image is not None:
            self.image.backward(by_actor.add_(by_critic)[0, : d_values.shape[1]])
