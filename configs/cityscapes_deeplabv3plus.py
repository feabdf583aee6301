"""DeepLabV3+ on Cityscapes: 40,000 steps of 8 crops of 512x1024, as mmsegmentation's.

Command: python launch.py --config configs/cityscapes_deeplabv3plus.py
         --config.dataset="cityscapes(data_dir='/data')" --config.weights=resnet50.npz
Device:  8 accelerators of 32 GB; about 3 hours of an A100, by its FLOPs (6.1e17) at
         the part of the peak that ResNet-50 reaches there (imagenet_resnet50.py)
Expect:  79.6% mIoU of whole validation images under zero padding, mmsegmentation's
         figure for R-50-D8, which begins with ImageNet's weights; not yet run here.
         What differs there: an auxiliary head; separable convolutions, of 512 channels
         in pyramid and decoder (here 256); a stem of three 3x3 convolutions
         (ResNetV1c; here one of 7x7); no multi-grid (here 1, 2, 4); maps enlarged with
         align_corners=False; weight decay of norms and biases too (here kernels only)
"""

import ml_collections

from jaxpad.launch import default_config


def get_config() -> ml_collections.ConfigDict:
    config = default_config()
    config.dataset = "cityscapes"
    config.train_crop = "random_scale_crop(size=(512, 1024), most=0.75)"
    config.test_crop = "whole"
    config.augment = ("flip", "photometric")
    config.normalize = "imagenet"
    config.batch_size = 8
    config.workers = 8
    config.model = "deeplabv3plus(output_stride=8)"
    config.padding = "zero"
    config.dtype = "bfloat16"
    config.steps = 40_000
    config.optimizer = (
        "add_decayed_weights(weight_decay=5e-4)",
        "sgd(momentum=0.9)",
    )
    config.schedule = "poly(final=0.01)"
    config.learning_rate = 0.01
    config.warmup_epochs = 0.0
    config.label_smoothing = 0.0
    config.eval_epochs = 11
    config.checkpoint_steps = 2000
    return config
