"""Layer 2: architectures. Each maps prepared pictures to a representation [n, features]; it knows no task."""

from deepwell.models.alexnet import AlexNet
from deepwell.models.cnn import CNN
from deepwell.models.cnn_bn import CNNBatchNorm
from deepwell.models.default import default
from deepwell.models.inception import Inception
from deepwell.models.lenet5 import LeNet5
from deepwell.models.mlp import MLP
from deepwell.models.resnet import ResNet
from deepwell.models.separable import SeparableCNN
from deepwell.models.table import MODELS, Entry, build

__all__ = [
    "CNN",
    "MLP",
    "MODELS",
    "AlexNet",
    "CNNBatchNorm",
    "Entry",
    "Inception",
    "LeNet5",
    "ResNet",
    "SeparableCNN",
    "build",
    "default",
]
