"""SB3's convolutional network, NatureCNN, of each member, and the images that it is shown.

Members share no products here: on a CPU, grouped convolutions gain nothing. What is gained is the order of memory, a
pixel's channels side by side (torch's channels_last), which also is how environments give images.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.preprocessing import is_image_space, is_image_space_channels_first
from stable_baselines3.common.torch_layers import NatureCNN
from torch import Tensor, nn

from robusttune.training.lockstep.activations import make_activation
from robusttune.training.lockstep.layout import Array, FlatLayout

_BRIGHTEST = 255.0


class ImageNetwork:
    """The convolutional network of one member, and the gradient of its parameters.

    Parameters
    ----------
    template : NatureCNN
        A network of this shape.
    prefix : str
        What the names of its parameters begin with in the layout.
    layout : FlatLayout
    flat : Tensor, shape (layout.size,)
        The parameters; the network reads them through views.
    gradient : Tensor, shape (layout.size,), or None
        Where `backward` writes.
    scale : float
        What pixels are multiplied by.
    """

    def __init__(
        self,
        template: NatureCNN,
        prefix: str,
        layout: FlatLayout,
        flat: Tensor,
        gradient: Tensor | None,
        scale: float,
    ) -> None:
        kinds = {f"cnn.{i}": module for i, module in enumerate(template.cnn) if isinstance(module, nn.Conv2d)}
        self._strides = [list(module.stride) for module in kinds.values()]
        names = [f"{prefix}{name}" for name in (*kinds, "linear.0")]
        self._parameters = _views(layout, flat, names)
        self._gradients = None if gradient is None else _views(layout, gradient, names)
        self._scale, self._relu = scale, make_activation(nn.ReLU)
        self._seen: list[Tensor] = []  # what each layer received, and the features

    def forward(self, images: Tensor) -> Tensor:
        """Return the features, and keep what `backward` needs.

        Parameters
        ----------
        images : Tensor of uint8, shape (n, height, width, n_channels)

        Returns
        -------
        Tensor, shape (n, n_features)
        """
        x = images.to(torch.float32).permute(0, 3, 1, 2)
        self._seen = [x]
        *convolutions, (last_weight, last_bias) = self._parameters
        for (weight, bias), stride in zip(convolutions, self._strides, strict=True):
            # The weights are scaled and not the pixels: there are a thousand times fewer.
            own = weight * self._scale if x is self._seen[0] else weight
            x, _ = self._relu.forward(torch.conv2d(x, own, bias, stride))
            self._seen.append(x)
        x = x.flatten(1)
        features, _ = self._relu.forward(torch.addmm(last_bias, x, last_weight.t()))
        self._seen += [x, features]
        return features

    def release(self) -> None:
        """Forget what `backward` would need."""
        self._seen = []

    def backward(self, gradient: Tensor) -> None:
        """Write the gradient of the parameters.

        Parameters
        ----------
        gradient : Tensor, shape (n, n_features)
            By the features of the last `forward`; it is written into.
        """
        if self._gradients is None:
            raise ValueError("A network without a gradient cannot be differentiated; pass `gradient`.")
        features, flat, output = self._seen.pop(), self._seen.pop(), self._seen.pop()
        to_weight, to_bias = self._gradients[-1]
        gradient = self._relu.backward(gradient, features)
        torch.mm(gradient.t(), flat, out=to_weight)
        torch.sum(gradient, dim=0, out=to_bias)
        gradient = torch.mm(gradient, self._parameters[-1][0]).view(output.shape)
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        for depth in range(len(self._strides) - 1, -1, -1):
            x = self._seen.pop()
            gradient = self._relu.backward(gradient, output)
            gradient, *found = torch.ops.aten.convolution_backward(
                *(gradient, x, self._parameters[depth][0], [gradient.shape[1]], self._strides[depth]),
                *([0, 0], [1, 1], False, [0, 0], 1, [depth > 0, True, True]),
            )
            for to, own in zip(self._gradients[depth], found, strict=True):
                to.copy_(own)
            output = x
        self._gradients[0][0].mul_(self._scale)


def _views(layout: FlatLayout, row: Tensor, names: Sequence[str]) -> list[tuple[Tensor, Tensor]]:
    """Return weight and bias of some layers as views of a member's row."""

    def view(name: str) -> Tensor:
        return layout.view(row[None], name)[0]

    return [(view(f"{name}.weight"), view(f"{name}.bias")) for name in names]


class ImageNetworks:
    """Makes the convolutional networks of members, and shows them images.

    Parameters
    ----------
    policy : ActorCriticPolicy
        SB3's, of any member.
    layout : FlatLayout
        Of the members' parameters.
    space : gymnasium.spaces.Space
        Of the observations, as environments give them.
    device : torch.device

    Raises
    ------
    ValueError
        If observations are no images of bytes, or the actor's network is not the critic's.
    """

    def __init__(
        self, policy: Any, layout: FlatLayout, space: spaces.Space[Any], device: torch.device
    ) -> None:
        if not is_image_space(space) or not isinstance(space, spaces.Box):
            raise ValueError(
                f"Images of uint8 between 0 and 255 are needed, but got {space}; use trainer='sb3'."
            )
        if not policy.share_features_extractor:
            raise ValueError("share_features_extractor = False cannot be stacked; use trainer='sb3'.")
        self._template, self._layout, self._device = policy.features_extractor, layout, device
        self._scale = 1.0 / _BRIGHTEST if policy.normalize_images else 1.0
        self._is_channels_first = is_image_space_channels_first(space)
        height, width, n_channels = (
            np.moveaxis(np.empty(space.shape), 0, -1).shape if self._is_channels_first else space.shape
        )
        self.shape = (height, width, n_channels)
        self.n_features = int(policy.features_dim)

    def of(self, flat: Tensor, gradient: Tensor | None = None) -> ImageNetwork:
        """Return the network of a member with these parameters, one row of the matrix."""
        return ImageNetwork(self._template, "features_extractor.", self._layout, flat, gradient, self._scale)

    def images(self, observations: Array) -> Array:
        """Return a view of images with their channels last."""
        return np.moveaxis(observations, -3, -1) if self._is_channels_first else observations

    def features(self, networks: Sequence[ImageNetwork], observations: Array) -> Array:
        """Return the features of each network's images, shape (n_networks, n, n_features).

        Parameters
        ----------
        networks : sequence of ImageNetwork
        observations : ndarray of uint8, shape (n_networks, n, *shape)
        """
        images = np.ascontiguousarray(self.images(observations))
        features = np.empty((*images.shape[:2], self.n_features), dtype=np.float32)
        for place, network in enumerate(networks):
            features[place] = network.forward(torch.from_numpy(images[place]).to(self._device)).cpu().numpy()
        return features


class ImageStore:
    """The images of one rollout of all members, in the order of `RolloutStore`.

    Parameters
    ----------
    n_members, n_envs, n_steps : int
    shape : tuple of int
        Of one image, channels last.
    """

    def __init__(self, n_members: int, n_envs: int, n_steps: int, shape: tuple[int, ...]) -> None:
        self._n_envs = n_envs
        # A matrix for each member: one that leaves takes its own with it, and nothing is copied.
        self._rows = [np.zeros((n_envs * n_steps, *shape), dtype=np.uint8) for _ in range(n_members)]

    def put(self, rows: Sequence[int], step: int, lengths: Array, images: Array) -> None:
        """Store what some members' environments showed before a step of rollouts of these lengths."""
        for row, length, shown in zip(rows, lengths, images, strict=True):
            filled = self._rows[row][: self._n_envs * length]
            filled.reshape(self._n_envs, length, *filled.shape[1:])[:, step] = shown

    def gather(self, row: int, indices: Tensor, device: torch.device) -> Tensor:
        """Return a member's images by their number."""
        return torch.from_numpy(self._rows[row]).index_select(0, indices).to(device)

    def keep(self, rows: Sequence[int]) -> None:
        """Forget all members but the chosen ones."""
        self._rows = [self._rows[row] for row in rows]


def is_convolutional(policy: Any) -> bool:
    """Return whether an SB3 policy sees through a NatureCNN."""
    return isinstance(getattr(policy, "features_extractor", None), NatureCNN)
