"""Models whose padding is one argument."""

from .resnet import MODELS as MODELS, Block as Block, ResNet as ResNet
from .unet import UPSAMPLES as UPSAMPLES, UNet as UNet
