"""Models whose padding is one argument."""

from .bert import BERT as BERT
from .berts import (
    bert_base as bert_base,
    bert_large as bert_large,
    bert_medium as bert_medium,
    bert_mini as bert_mini,
    bert_small as bert_small,
    bert_tiny as bert_tiny,
)
from .blocks import Block as Block
from .catalogue import MODELS as MODELS
from .classifier import Classifier as Classifier
from .convnext import ConvNeXt as ConvNeXt, convnext_tiny as convnext_tiny
from .deeplab import DeepLabV3Plus as DeepLabV3Plus, deeplabv3plus as deeplabv3plus
from .densenet import DenseNet as DenseNet, densenet121 as densenet121
from .enlarge import Enlarge as Enlarge
from .pyramid import AtrousPyramid as AtrousPyramid
from .resnet import ResNet as ResNet
from .resnets import (
    resnet18 as resnet18,
    resnet20 as resnet20,
    resnet34 as resnet34,
    resnet50 as resnet50,
    resnet101 as resnet101,
    resnet152 as resnet152,
    wide_resnet50_2 as wide_resnet50_2,
    wrn_28_10 as wrn_28_10,
)
from .unet import UPSAMPLES as UPSAMPLES, UNet as UNet, unet as unet
from .vgg import VGG as VGG, vgg16_bn as vgg16_bn, vgg19_bn as vgg19_bn
from .vit import (
    ViT as ViT,
    vit_b_16 as vit_b_16,
    vit_l_16 as vit_l_16,
    vit_s_16 as vit_s_16,
)
from .weights import (
    load_weights as load_weights,
    published_shapes as published_shapes,
    save_weights as save_weights,
)
