"""A linear support vector machine as a layer: fitted by scikit-learn, kept as numbers.

    margins = W (x - m) / s + b

One machine for each class against the rest, on features standardised by mean m and deviation s of the training data.
Source: Fan et al. 2008, LIBLINEAR, Journal of Machine Learning Research 9; used by Zhong et al. 2020,
doi:10.1109/ACCESS.2020.3043894.
"""

from __future__ import annotations

import warnings

import numpy as np
import torch
from torch import Tensor, nn

from sefront.core.errors import SefrontError
from sefront.core.signal import full_precision

NEVER = -1e4  # margin of a class that training had no example of
ROUNDS = 10000


class LinearSVM(nn.Module):
    """Margins of each class against the rest; zero until it is fitted.

    Args:
        features: Features of an example.
        classes: Classes to tell apart.
    """

    weight: Tensor
    bias: Tensor
    mean: Tensor
    deviation: Tensor

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.register_buffer("weight", torch.zeros(classes, features))
        self.register_buffer("bias", torch.zeros(classes))
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("deviation", torch.ones(features))

    def forward(self, x: Tensor) -> Tensor:
        """Margins (batch, classes) of `x` (batch, features), in single precision under autocast too."""
        with full_precision(x):
            return (x.float() - self.mean) / self.deviation @ self.weight.T + self.bias

    def fit(self, x: Tensor, target: Tensor, c: float = 1.0) -> None:
        """Fit to `x` (examples, features) of the classes `target` (examples,).

        Args:
            x: Features.
            target: Class ids; two classes at least.
            c: Weight of the errors beside the width of the margin.

        Raises:
            SefrontError: There is only one class, or a feature is not finite.
        """
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.svm import LinearSVC

        if int(target.min()) == int(target.max()):
            raise SefrontError("all training clips are of one class, so no support vector machine can be fitted")
        if not x.isfinite().all():
            raise SefrontError("an embedding is not finite, so no support vector machine can be fitted")
        values = x.double().cpu().numpy()
        mean, deviation = values.mean(0), values.std(0)
        deviation[deviation < 1e-8] = 1.0
        machine = LinearSVC(C=c, dual="auto", max_iter=ROUNDS, random_state=0)
        with warnings.catch_warnings(record=True) as raised:
            warnings.simplefilter("always", ConvergenceWarning)
            machine.fit((values - mean) / deviation, target.cpu().numpy())
        weight, bias = machine.coef_, machine.intercept_
        if len(machine.classes_) == 2:  # scikit-learn gives the second class's margin alone
            weight, bias = np.concatenate([-weight, weight]), np.concatenate([-bias, bias])
        found = torch.from_numpy(machine.classes_).to(self.weight.device)
        self.weight.zero_()
        self.bias.fill_(NEVER)
        self.weight[found] = torch.from_numpy(weight).to(self.weight)
        self.bias[found] = torch.from_numpy(bias).to(self.bias)
        self.mean.copy_(torch.from_numpy(mean))
        self.deviation.copy_(torch.from_numpy(deviation))
        if any(issubclass(warning.category, ConvergenceWarning) for warning in raised):
            text = f"the support vector machine was not done after {ROUNDS} rounds and is used as it is; lower svm_c"
            warnings.warn(text, stacklevel=2)
