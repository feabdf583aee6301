"""ResNet-50 on ImageNet: 90 epochs, batches of 1,024, as in "Accurate, Large Minibatch
SGD" (Goyal et al., 2017) but for a cosine in place of steps.

Command: python launch.py --config configs/imagenet_resnet50.py
         --config.dataset="imagenet2012(data_dir='/data')"
Device:  8 or more accelerators; by others' published images per second 4 hours on a
         TPU v3-8, 13 on one A100 with --config.dtype=bfloat16
Expect:  76.5% top-1 under zero padding, the published figure; not yet run here
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
    config.batch_size = 1024
    config.workers = 8
    config.on_error = "skip"
    config.model = "resnet50(zero_gamma=True)"
    config.padding = "zero"
    config.dtype = "bfloat16"
    config.epochs = 90
    config.optimizer = (
        "add_decayed_weights(weight_decay=1e-4)",
        "sgd(momentum=0.9, nesterov=True)",
    )
    config.schedule = "cosine"
    config.learning_rate = 0.4  # 0.1 for each 256 of the batch
    config.warmup_epochs = 5.0
    config.label_smoothing = 0.0
    config.eval_epochs = 5
    config.checkpoint_steps = 1251
    return config
