"""DeepLabV3+ on ADE20K's 150 classes: 160,000 steps of 16 crops of 512x512.

Command: python launch.py --config configs/ade20k_deeplabv3plus.py
         --config.dataset="ade20k(data_dir='/data')" --config.weights=resnet50.npz
Device:  8 accelerators of 16 GB; about 11 hours of an A100, by its FLOPs (2.3e18) at
         the part of the peak that ResNet-50 reaches there (imagenet_resnet50.py)
Expect:  43.95% mIoU of whole validation images under zero padding, mmsegmentation's
         figure for R-50-D8, with the differences named in cityscapes_deeplabv3plus.py;
         not yet run here
"""

import ml_collections

from jaxpad.launch import default_config


def get_config() -> ml_collections.ConfigDict:
    config = default_config()
    config.dataset = "ade20k"
    config.train_crop = "random_scale_crop(size=512, most=0.75)"
    config.test_crop = "whole"
    config.augment = ("flip", "photometric")
    config.normalize = "imagenet"
    config.batch_size = 16
    config.workers = 8
    config.model = "deeplabv3plus(output_stride=8)"
    config.padding = "zero"
    config.dtype = "bfloat16"
    config.steps = 160_000
    config.optimizer = (
        "add_decayed_weights(weight_decay=5e-4)",
        "sgd(momentum=0.9)",
    )
    config.schedule = "poly(final=0.01)"
    config.learning_rate = 0.01
    config.warmup_epochs = 0.0
    config.label_smoothing = 0.0
    config.eval_epochs = 13
    config.eval_multiple = 64  # images have many sizes, and each compiles
    config.checkpoint_steps = 2000
    return config
