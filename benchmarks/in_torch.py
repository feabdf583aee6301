"""The convolution form in PyTorch: one call for each line of input, answered by "done".

Each line is a number of channels; the caller takes the time.
"""

import sys

import torch
import torch.nn.functional as F


def call(kernel: torch.Tensor) -> None:
    """Value and gradient of the published loss, squared, with the right padding."""
    kernel.grad = None
    out, reach = kernel.shape[0], kernel.shape[-1] - 1
    found = F.conv2d(kernel, kernel, padding=reach)
    target = torch.zeros_like(found)
    target[:, :, reach, reach] = torch.eye(out)
    (found - target).square().sum().backward()


def main() -> None:
    print(torch.__version__, flush=True)
    kernels: dict[int, torch.Tensor] = {}
    for width in map(int, sys.stdin):
        if width not in kernels:
            kernel = torch.randn(width, width, 3, 3).div_(width)
            kernels[width] = kernel.requires_grad_()
        call(kernels[width])
        print("done", flush=True)


if __name__ == "__main__":
    main()
