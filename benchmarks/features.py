"""A full-batch epoch (loss, gradients, Adam) of group arithmetic, M = 71, K = 2,048, n = 2,016: ptacore's, plain torch.

    python benchmarks/features.py [--rounds 7]

The plain network multiplies one-hot inputs, squares, and leaves the rest to automatic differentiation.
"""

from functools import partial

import timing

# isort: split
import torch
from torch import nn

from ptacore import features

M, K, SHARE, GOAL = 71, 2048, 0.4, 0.6


class Plain(nn.Module):
    """The same network of linear layers."""

    def __init__(self, network: features.TwoLayer):
        super().__init__()
        self.lower, self.upper = nn.Linear(2 * M, K, bias=False), nn.Linear(K, M, bias=False)
        self.lower.weight.data, self.upper.weight.data = network.W.data.T.clone(), network.V.data.T.clone()

    def loss(self, x, targets):
        out = self.upper(self.lower(x) ** 2)
        out = out - out.mean(1, keepdim=True)
        return (out.square().sum(1) - 2 * out.gather(1, targets[:, None])[:, 0]).mean() + 1 - 1 / M


def prepare(ours: bool):
    """A function that makes an epoch and returns the gradients, those of the lower layer first."""
    group = features.cyclic(M)
    pairs, targets = features.all_pairs(group)
    seen, _ = features.split_pairs(group, SHARE, 0)
    pairs, targets = pairs[seen], targets[seen]
    network = features.TwoLayer(M, K, generator=torch.Generator().manual_seed(0))
    x = pairs
    if not ours:
        network = Plain(network)
        x = torch.cat([nn.functional.one_hot(pairs[:, i], M) for i in (0, 1)], 1).float()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, weight_decay=2e-4)

    def epoch():
        optimizer.zero_grad()
        network.loss(x, targets).backward()
        gradients = [p.grad if ours else p.grad.T for p in network.parameters()]
        found = torch.cat([g.flatten() for g in gradients])
        optimizer.step()
        return found

    return epoch


def main() -> None:
    torch.set_num_threads(1)
    rounds = timing.rounds(7, __doc__)
    contestants = [timing.contestant(t, partial(prepare, o)) for t, o in (("plain torch", False), ("ptacore", True))]
    for c in contestants:
        c.result = c.run()  # of the same weights
    plain, ours = contestants
    ours.error = float((ours.result - plain.result).norm() / plain.result.norm())
    if ours.error > 1e-5:
        raise SystemExit("the gradients disagree")
    timing.race(contestants, rounds)
    table = timing.rows(contestants)
    table[1]["target"] = GOAL
    print(f"goal: {GOAL:g} of {plain.name}")
    timing.save("features", rounds, {"epoch": table}, task={"M": M, "K": K, "pairs": round(SHARE * M**2)})


if __name__ == "__main__":
    main()
