"""VGG-16 with batch norm on ImageNet, as in torchvision's reference training.

Command: python launch.py --config configs/imagenet_vgg16bn.py
         --config.dataset="imagenet2012(data_dir='/data')"
Device:  8 or more accelerators; about 50 hours of an A100, by its FLOPs (1.0e19) at the
         part of the peak that ResNet-50 reaches there (imagenet_resnet50.py)
Expect:  73.4% top-1 under zero padding, torchvision's figure; not yet run here
"""

import ml_collections

from jaxpad.launch import default_config


def get_config() -> ml_collections.ConfigDict:
    config = default_config()
    config.dataset = "imagenet2012"
    config.train_crop = "random_resized_crop(size=224)"
    config.test_crop = "resize_crop(size=224, resize=256)"
    config.augment = ("flip",)
    config.normalize = "imagenet"
    config.batch_size = 256
    config.workers = 8
    config.on_error = "skip"
    config.model = "vgg16_bn"
    config.padding = "zero"
    config.dtype = "bfloat16"
    config.epochs = 90
    config.optimizer = (
        "add_decayed_weights(weight_decay=1e-4)",
        "sgd(momentum=0.9)",
    )
    config.schedule = "step(at=(0.333333, 0.666667))"
    config.learning_rate = 0.01
    config.warmup_epochs = 0.0
    config.label_smoothing = 0.0
    config.eval_epochs = 5
    config.checkpoint_steps = 5004
    return config
