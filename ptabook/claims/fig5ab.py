"""Figure 5A-B: pairs of units."""

from __future__ import annotations

from collections.abc import Callable

from ptabook.claims.claim import Claim

NETWORKS = {"tanh_flow": "tanh, continuous", "tanh_map": "tanh, discrete",
            "gru_flow": "GRU, continuous", "gru_map": "GRU, discrete"}  # fmt: skip


def _each_network(value: Callable[[dict], str], holds: Callable[[dict], bool], last: str = ""):
    """A statement about each of the four networks of Figure 5A-B."""

    def check(numbers):
        texts = [f"{title}: {value(numbers[name])}" for name, title in NETWORKS.items()]
        return "; ".join(texts) + last, all(holds(numbers[name]) for name in NETWORKS)

    return check


def _similar_in_time(numbers):
    differ = numbers["rest_differs"]
    text = f"small angles: one saddle-node curve ({differ} cells rest in some networks only); "
    return text + "large angles: flows stop at arccos(1/b), maps go on, cut by tongues", differ == 0


def _no_gaps(numbers):
    rows = [numbers[name] for name in ("tanh_map", "gru_map")]
    tanh, gru = (r["locked_between_tongues"] / r["between_tongues"] for r in rows)
    text = f"discrete time: locked in {tanh:.1%} (tanh) and {gru:.1%} (GRU) of the cells between the strong tongues"
    return text, tanh == gru == 0


def _one_attractor(numbers):
    c, grid = numbers["corner"], {name: numbers[name]["bistable"] for name in NETWORKS}
    text = f"GRU, discrete, edge of the 1:4 tongue: two attractors in {c['bistable']} cells of {c['cells']}, "
    text += f"chaos in {c['chaos']}; other networks: two attractors in {sum(grid.values()) - grid['gru_map']} cells"
    return text, c["bistable"] == 0 and sum(grid.values()) == 0


CLAIMS = [
    Claim(
        "region-of-zeros",
        "Fig. 5A",
        "In a region of gains and angles a pair of units has a leading exponent of zero.",
        "a region",
        "certified cycles and circles, exponent below ln 10 over the averaging time, in all four networks",
        _each_network(
            lambda r: f"{r['zero'] / r['cells']:.0%} of the map",
            lambda r: r["zero"] > 0 and r["leading_where_zero"] <= r["resolution"],
        ),
        section="do-numbers-and-curves-agree",
    ),
    Claim(
        "pair-has-one-zero",
        "Sec. 2.7, Fig. 5A",
        "Such a pair has one zero exponent and no more: n/2 of n.",
        "n / 2",
        "the second exponent is negative wherever the first is zero",
        _each_network(lambda r: f"{r['second_where_zero']:.4f} at most", lambda r: r["second_where_zero"] < 0),
        section="do-numbers-and-curves-agree",
    ),
    Claim(
        "pairs-start-by-themselves",
        "Sec. 2.8, Fig. 5B",
        "Pairs of units start to oscillate spontaneously.",
        "spontaneous",
        "the origin is unstable wherever they oscillate: the smallest perturbation suffices",
        _each_network(
            lambda r: f"{r['zero_where_origin_attracts']} exceptions in {r['zero']} cells",
            lambda r: r["zero"] > 0 and r["zero_where_origin_attracts"] == 0,
        ),
        section="where-the-origin-lets-go",
    ),
    Claim(
        "least-angle",
        "Sec. 2.8, Fig. 5B",
        "At a given gain it takes a large enough angle.",
        "a least angle",
        "the least angle is that of the saddle-node curve, within one spacing of the grid",
        _each_network(
            lambda r: f"off by {r['least_angle_off']:.2f}", lambda r: r["least_angle_off"] <= 1, " spacings at most"
        ),
        section="where-rest-takes-over-the-saddle-node-curve",
    ),
    Claim(
        "continuous-and-discrete-alike",
        "Fig. 5A",
        "Continuous and discrete time behave alike, with other parameters.",
        "similar",
        "the same cells rest at the same gain b (α; α/2 for GRUs)",
        _similar_in_time,
    ),
    Claim(
        "region-without-gaps",
        "Fig. 5A",
        "Within the outlined region the leading exponent is zero.",
        "zero",
        "no cell is locked between the strong tongues",
        _no_gaps,
        section="how-much-of-the-region-is-really-free",
        note="the-maps-of-figure-5ab",
    ),
    Claim(
        "gain-and-angle-suffice",
        "Fig. 5A",
        "Gain and angle determine the exponents.",
        "functions of α and θ",
        "three starts lead to one attractor, up to quarter turns, in every cell",
        _one_attractor,
        section="two-attractors-and-chaos",
        note="the-maps-of-figure-5ab",
    ),
    Claim(
        "range-of-frequencies",
        "Sec. 2.8",
        "Pairs from all over the region oscillate at different frequencies.",
        "different",
        "over a range of at least tenfold",
        _each_network(
            lambda r: f"{r['frequency'][0]:.1g} to {r['frequency'][1]:.2f}",
            lambda r: r["frequency"][1] > 10 * r["frequency"][0],
            " turns per τ or step",
        ),
    ),
]
