"""Random numbers that do not depend on how many processes share a batch.

**Contract.** While a `ReplicatedRng(total, rows)` is entered, every random layer draws as it would
for all `total` rows of the whole batch, and keeps what belongs to `rows`, those of this process.
Before and after it the random states of all processes are equal, as if each had had the whole
batch; so several processes compute, but for rounding, what one alone does. It is for training
alone, and is entered around each call of a network with the rows that this call is about.

**Design.** torch has no seam for this: layers draw from a global generator, in whatever shape
their input has. A `TorchFunctionMode` sees each public torch function that is called in the block.
Those few that our networks draw with are replaced by others that fill memory for all rows, by the
same primitive in the same order as torch's own, and index it; gradients flow as in torch's own.
Passing noise explicitly would need an argument in every layer of every architecture, also of those
that come from torchvision and timm.

**Caveats.**
* The first dimension must be that of the rows, or of rows and what each has several of (samples).
* Only one word can be drawn at a time: `torch.multinomial` of one is replayed as the argmax of
  p / Exp(1), which is how torch draws one; of several it draws in another way.
* A random function that is not known here raises ValueError: drawing for its own rows
  alone, it would let the processes' random states drift apart without a word. To add one, write a
  method that draws for all rows, and a line in `self._replaced`.
* What draws inside a single call into C++ cannot be seen: `nn.LSTM` with dropout between layers,
  for one. Our decoders use cells.
* Random numbers that have no rows (`torch.randperm`) belong outside the block and are refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

if TYPE_CHECKING:
    from collections.abc import Callable

_RANDOM = {
    torch: (
        "alpha_dropout",
        "bernoulli",
        "binomial",
        "dropout",
        "feature_alpha_dropout",
        "feature_dropout",
        "multinomial",
        "native_dropout",
        "normal",
        "poisson",
        "rand",
        "rand_like",
        "randint",
        "randint_like",
        "randn",
        "randn_like",
        "randperm",
        "rrelu",
    ),
    functional: (
        "alpha_dropout",
        "dropout",
        "dropout1d",
        "dropout2d",
        "dropout3d",
        "feature_alpha_dropout",
        "fractional_max_pool2d",
        "fractional_max_pool3d",
        "gumbel_softmax",
        "rrelu",
    ),
    Tensor: (
        "bernoulli",
        "bernoulli_",
        "cauchy_",
        "exponential_",
        "geometric_",
        "log_normal_",
        "multinomial",
        "normal_",
        "random_",
        "uniform_",
    ),
}


class ReplicatedRng(TorchFunctionMode):
    """Dropout and sampling as one process would have them for the whole batch: see above."""

    def __init__(self, total: int, rows: Tensor) -> None:
        """`rows` (B,) are this process's own among all `total`."""
        super().__init__()
        self.total, self.rows = total, rows
        self._replaced: dict[Any, Callable[..., Tensor]] = {
            functional.dropout: self._dropout,
            functional.dropout2d: self._dropout2d,
            torch.multinomial: self._multinomial,
            torch.rand: self._rand,
        }
        self._random = {getattr(owner, name) for owner, names in _RANDOM.items() for name in names}

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        options = kwargs or {}
        if func in self._replaced:
            return self._replaced[func](*args, **options)
        if func in self._random or (
            func is functional.scaled_dot_product_attention and options.get("dropout_p")
        ):
            raise ValueError(
                f"several processes cannot share the random numbers of {func.__name__}: "
                "ReplicatedRng does not know it"
            )
        return func(*args, **options)

    def _noise(self, like: Tensor, fill: Callable[[Tensor], Tensor]) -> Tensor:
        """What `fill` makes of memory for all rows, at mine: in the shape of `like`."""
        each = like.shape[0] // max(1, len(self.rows))
        whole = fill(like.new_empty(self.total * each, *like.shape[1:]))
        by_row = whole.view(self.total, each, *like.shape[1:])
        return by_row[self.rows.to(like.device)].view(like.shape)

    def _dropout(
        self, values: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
    ) -> Tensor:
        return self._dropped(values, values, p) if training and p else values

    def _dropout2d(
        self, values: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
    ) -> Tensor:
        """Whole channels (B, C, …) are dropped."""
        each = values.flatten(2)[..., 0].view(*values.shape[:2], *[1] * (values.dim() - 2))
        return self._dropped(values, each, p) if training and p else values

    def _dropped(self, values: Tensor, like: Tensor, p: float) -> Tensor:
        noise = self._noise(like.detach(), lambda whole: whole.bernoulli_(1 - p))
        return values * noise.div_(1 - p)

    def _rand(self, rows: int, *size: int, device: torch.device | None = None) -> Tensor:
        return self._noise(torch.empty(rows, *size, device=device), Tensor.uniform_)

    def _multinomial(self, weights: Tensor, count: int, *_: bool) -> Tensor:
        if count != 1:
            raise ValueError("several processes can only draw one word at a time")
        # as torch draws one of each row: the greatest of p / e, where e is exponential
        return (weights / self._noise(weights, Tensor.exponential_)).argmax(-1, keepdim=True)
