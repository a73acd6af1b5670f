"""Wrong objects for every argument of the public functions: what comes names the argument."""

import inspect
import math
import pkgutil
import re
import tempfile
import warnings
from functools import partial
from importlib import import_module

import numpy as np
import pytest
import scipy.sparse
import torch

import ptacore as pta
from ptacore import experiments, heading, models, neighbours, networks, reinforcement, tasks, training
from ptacore.heading import delay_line, head_direction, robustness

with warnings.catch_warnings(action="ignore"):  # that torch will move its quantization
    QUANTIZED = torch.quantize_per_tensor(torch.eye(2), 0.1, 0, torch.qint8)

WRONG = {
    "None": None,
    "text": "text",
    "empty list": [],
    "empty dict": {},
    "object": object(),
    "class": int,
    "nan": math.nan,
    "inf": math.inf,
    "-1": -1,
    "0.5": 0.5,
    "True": True,
    "complex": 1 + 0j,
    "complex array": np.array([[1 + 0j]]),
    "complex tensor": torch.eye(2, dtype=torch.complex128),
    "sparse tensor": torch.eye(2).to_sparse(),
    "sparse array": scipy.sparse.eye_array(2),
    "meta tensor": torch.empty(2, 2, device="meta"),
    "quantized tensor": QUANTIZED,
    "objects": np.array([[None]]),
    "ragged": [[1.0], [1.0, 2.0]],
    "masked": np.ma.array([[1.0, 2.0], [3.0, 4.0]], mask=[[0, 1], [0, 0]]),
    "texts": np.array(["1", "2"]),
    "nan array": np.full((2, 2), math.nan),
    "2**70": 2**70,
}
NUMBER = ("0.5", "2**70")  # of the wrong objects, those that a positive number may be
ANY_NUMBER = (*NUMBER, "-1")
COUNT = ("2**70",)  # which nobody waits for
FLAG = tuple(WRONG)  # anything is true or false

ANGLE = (*ANY_NUMBER, "empty list", "True")
ANGLES = {"alpha": ANGLE, "theta": ANGLE}
OPTIONS = {
    **dict.fromkeys(("eps", "gamma", "scale", "dt", "t_max"), NUMBER),
    **dict.fromkeys(("beta", "r_min", "r_max", "max_phase"), ("0.5",)),
    "gated": ("True",),
    "layers": COUNT,
}

SYSTEM = models.TanhRateFlow([[0.0, -1.5], [1.5, 0.0]])
RING, CIRCUIT, PAIR = models.small_ring(), models.HeadDirectionCircuit(), head_direction.SpikingPair()
T, VELOCITY = np.linspace(0, 0.1, 11), np.zeros(10)
LINE = models.DelayLine()
TASK = tasks.CopyMemory(delay=3, tokens=2, symbols=3, sizes=(5, 2, 2))
MODEL = models.build("tanh", TASK.n_inputs, TASK.n_outputs, 4)
SPLIT = TASK.split("test")
BATCH = SPLIT.batch()

AGENT = reinforcement.Controller(units=4)
POLICY = reinforcement.policy_map(np.zeros((3, 2)), np.zeros(3))
PLANE = reinforcement.principal_plane(np.eye(3))

NETWORKS = {
    cls.__name__: (
        cls,
        {"W": np.eye(2) / 2, "b": 0.0, "tau": 1.0, "dtype": torch.float64},
        {"b": ("None", "0.5", "-1", "2**70", "True"), "tau": NUMBER},
    )
    for cls in (models.ReLUFlow, models.TanhFlow, models.TanhRateFlow)
}
BIAS = ("None", "0.5", "-1", "2**70", "True")
DRAW = {"n": 4, "g": 1.0, "p_connect": 0.5, "recipe": "product", "seed": 0}
DRAWN = {"n": COUNT, "g": NUMBER, "p_connect": ("0.5",), "seed": ()}

# name: what is called, arguments that are right, and which of the wrong ones are right for an argument, too
PATH = pta.trajectory(SYSTEM, [0.3, 0.1], duration=1.0, dt=0.1)
CYCLING = models.oscillator("tanh flow", 1.7, 0.9)
RUN = {"x0": [0.3, 0.1], "duration": 1.0, "dt": 0.1, "transient": 0.0, "t0": 0.0}
TIMES = {"duration": (*NUMBER,), "dt": ("0.5",), "transient": ("0.5", "None"), "t0": ("None", *ANY_NUMBER)}
ALONG = {"x": PATH.x, "dt": 0.1, "t0": 0.0}
DYNAMICS = {
    "trajectory": (pta.trajectory, RUN, TIMES | {"transient": ("0.5",)}),
    "adjoint": (
        pta.adjoint,
        {**ALONG, "terminal": [1.0, 0.0]},
        {"dt": NUMBER, "terminal": ("None",), "t0": TIMES["t0"]},
    ),
    "sensitivity": (pta.sensitivity, ALONG, {"dt": NUMBER, "t0": TIMES["t0"]}),
    "time_time_jacobian": (pta.time_time_jacobian, ALONG, {"dt": NUMBER, "t0": TIMES["t0"]}),
    "lyapunov_spectrum": (
        pta.lyapunov_spectrum,
        {**RUN, "k": 1, "seed": 0, "confidence": 0.99, "samples": 10, "backend": "auto", "differentiable": False},
        TIMES | {"k": ("None",), "samples": ("2**70",), "confidence": ("0.5",)},
    ),
    "covariant_vectors": (
        pta.covariant_vectors,
        {**RUN, "backward_transient": 0.0, "k": 1, "samples": 10, "seed": 0, "backend": "auto"},
        TIMES | {"k": ("None",), "samples": ("2**70",), "backward_transient": ("0.5", "None")},
    ),
    "fixed_points": (pta.fixed_points, {"starts": [[0.1, 0.2]], "tolerance": 1e-10, "seed": 0},
                     {"starts": ("None",), "tolerance": ("0.5",)}),
}  # fmt: skip


@pytest.mark.parametrize(("name", "argument"), [(n, a) for n in DYNAMICS for a in ("system", *DYNAMICS[n][1])])
def test_what_follows_a_system_refuses_a_wrong_object_by_name(name, argument):
    function, good, right = DYNAMICS[name]
    for label in WRONG.keys() - set(right.get(argument, ())):
        if label == "2**70" and argument in (
            "duration",
            "dt",
            "transient",
            "samples",
            "backward_transient",
        ):  # told by another, or by memory
            continue
        with pytest.raises((ValueError, TypeError, MemoryError)) as refused:
            function(**{"system": SYSTEM, **good, argument: WRONG[label]})
        assert re.search(rf"\b{argument}\b", str(refused.value).partition(":")[0]), (label, refused.value)


PUBLIC = {
    **NETWORKS,
    "LinearFlow": (models.LinearFlow, {"A": np.eye(2), "b": 0.0, "dtype": torch.float64}, {"b": BIAS}),
    "TanhMap": (models.TanhMap, {"W": np.eye(2), "b": 0.0, "dtype": torch.float64}, {"b": BIAS}),
    **{
        cls.__name__: (
            cls,
            {
                "W": np.eye(2),
                "b": 0.0,
                "W_r": np.eye(2),
                "W_z": np.eye(2),
                "b_r": 0.0,
                "b_z": 0.0,
                "dtype": torch.float64,
            },
            {"W_r": ("None",), "W_z": ("None",), "b": BIAS, "b_r": BIAS, "b_z": BIAS},
        )
        for cls in (models.GRUMap, models.GRUFlow)
    },
    "RingAttractor": (
        models.RingAttractor,
        {"W": RING.W, "b": RING.b, "tau": 0.1, "gain": "relu", "dtype": torch.float64},
        {"b": BIAS, "tau": (*NUMBER, "True")},
    ),
    "small_ring": (
        models.small_ring,
        {"n": 8, "active": 4, "inhibition": -2.0, "tau": 0.1},
        {"n": COUNT, "inhibition": ("-1",), "tau": (*NUMBER, "True")},
    ),
    "large_ring": (
        models.large_ring,
        {"n": 100, "sharpness": 8.0, "regularization": 0.01, "tau": 0.1},
        {"n": COUNT, "sharpness": NUMBER, "regularization": NUMBER, "tau": (*NUMBER, "True")},
    ),
    "random_weights": (models.random_weights, DRAW, DRAWN),
    "Samples": (
        models.Samples,
        {
            "times": [0.0, 1.0, 2.0, 3.0],
            "values": np.zeros(4),
            "kind": "linear",
            "periodic": False,
            "dtype": torch.float64,
        },
        {"periodic": ("True",)},
    ),
    "one_fixed_point": (
        models.one_fixed_point,
        {"W": np.eye(2), "b": 0.0, "n": 2, "seed": 0},
        {"W": ("None",), "b": BIAS, "n": COUNT},
    ),
    "two_fixed_points": (models.two_fixed_points, {"W": np.eye(2), "b": 0.0}, {"W": ("None",), "b": BIAS}),
    "line_attractor": (models.line_attractor, {"W": np.eye(2), "b": 0.0}, {"W": ("None",), "b": BIAS}),
    "chaos": (models.chaos, {**DRAW, "tau": 0.1, "W": None}, {**DRAWN, "tau": NUMBER, "W": ("None",)}),
    "limit_cycle": (models.limit_cycle, {**DRAW, "tau": 0.1, "W": None}, {**DRAWN, "tau": NUMBER, "W": ("None",)}),
    "read_weights": (models.read_weights, {"source": np.eye(2), "name": "source"}, {"source": ("None",), "name": FLAG}),
    "report": (
        partial(pta.report, output=tempfile.mkdtemp()),
        {"object": torch.nn.RNN(2, 2), "input": "zero", "layer": None, "quick": True, "seed": 0},
        {"input": ("None", *ANY_NUMBER), "layer": ("None",), "quick": ("True",)},
    ),
    "scaled_rotation": (models.scaled_rotation, {"alpha": 1.0, "theta": 0.1}, ANGLES),
    "oscillator": (models.oscillator, {"system": "tanh map", "alpha": 1.0, "theta": 0.1}, ANGLES),
    "origin_exponent": (models.origin_exponent, {"system": "tanh map", "alpha": 1.0, "theta": 0.1}, ANGLES),
    "critical_gain": (models.critical_gain, {"system": "tanh map", "theta": 0.1}, ANGLES),
    "onset_frequency": (models.onset_frequency, {"system": "tanh map", "theta": 0.1}, ANGLES),
    "saddle_node_angle": (
        models.saddle_node_angle,
        {"gain": 1.5, "directions": 64},
        {"gain": ANGLE, "directions": COUNT},
    ),
    "strong_tongues": (models.strong_tongues, {"system": "tanh map"}, {}),
    "certify": (
        pta.certify,
        {"system": "tanh map", "alpha": 0.5, "theta": 0.1, "steps": 1000, "progress": False},
        {"alpha": (*NUMBER, "True"), "theta": ANGLE, "steps": ("None", "2**70"), "progress": FLAG},
    ),
    "AlmostLinear": (
        neighbours.AlmostLinear,
        {"units": 5, "P": 2, "observed": 2, "seed": 0, "dtype": torch.float32},
        {"units": COUNT},
    ),
    "Shallow": (
        neighbours.Shallow,
        {"units": 3, "hidden": 4, "observed": 2, "seed": 0, "dtype": torch.float32},
        {"units": COUNT, "hidden": COUNT},
    ),
    "ParityNetwork": (
        neighbours.ParityNetwork,
        {"gain": 0.1, "units": 4, "seed": 0},
        {"gain": ("0.5",), "units": COUNT},
    ),
    "Liquid": (
        neighbours.Liquid,
        {"units": 4, "gain": 1.0, "F": 1.0, "amplitude": 1.0, "tau": 1.0, "seed": 0, "dtype": torch.float32},
        {"units": COUNT, **dict.fromkeys(("gain", "F", "amplitude", "tau"), NUMBER)},
    ),
    "Exponentials": (neighbours.Exponentials, {"terms": 3, "seeds": 2}, dict.fromkeys(("terms", "seeds"), COUNT)),
    "Linear": (neighbours.Linear, {"W": np.eye(2) / 2}, {}),
    "Residual": (
        neighbours.Residual,
        {"n_hidden": 4, "dt": 0.1, "scale": 0.1, "seed": 0},
        {"n_hidden": COUNT, "dt": NUMBER, "scale": NUMBER},
    ),
    "Impulse": (neighbours.Impulse, {"filter": np.ones(3), "updates": 1}, {"updates": COUNT}),
    "MemoryFit": (
        neighbours.MemoryFit,
        {"target": "0.9^t", "horizon": 10, "updates": 1},
        {"horizon": COUNT, "updates": COUNT},
    ),
    "Functional": (
        neighbours.Functional,
        {"target": "e^-t", "steps": 5, "dt": 0.1, "batch": 2, "updates": 1},
        {**dict.fromkeys(("steps", "batch", "updates"), COUNT), "dt": NUMBER},
    ),
    "Parity": (neighbours.Parity, {"longest": 3, "batch": 2, "passes": 1}, dict.fromkeys(("batch", "passes"), COUNT)),
    "CuedSign": (
        neighbours.CuedSign,
        {"delay": 1.0, "dt": 0.2, "batch": 2, "updates": 1},
        {**dict.fromkeys(("batch", "updates"), COUNT), **dict.fromkeys(("delay", "dt"), ("0.5",))},
    ),
    "Reconstruction": (
        partial(neighbours.Reconstruction, "lorenz", length=20, points=300),
        {"tau": 4, "batch": 2, "noise": 0.1, "updates": 1},
        {"tau": COUNT, "batch": COUNT, "noise": ("0.5",), "updates": COUNT},
    ),
    "build": (
        models.build,
        {"name": "tanh", "n_inputs": 2, "n_outputs": 2, "n_hidden": 4, "generator": None},
        {"n_inputs": COUNT, "n_outputs": COUNT, "n_hidden": COUNT, "generator": ("None",)},
    ),
    **{
        f"build {name}": (partial(models.build, name, 2, 2, 4), networks.defaults(name), OPTIONS)
        for name in models.MODELS
        if networks.defaults(name) and not name.endswith("-pta")
    },
    "SpikingPair": (
        head_direction.SpikingPair,
        {"delay": (0.006, 0.006), "latency": (0.004, 0.004), "gain": 0.01, "refractory": 0.002},
        {"gain": (*NUMBER, "None"), "refractory": ("2**70",)},
    ),
    "HeadDirectionCircuit": (models.HeadDirectionCircuit, {"plus": PAIR, "minus": PAIR}, {}),
    "heading": (CIRCUIT.heading, {"t": T, "velocity": VELOCITY}, {}),
    "spikes": (CIRCUIT.spikes, {"t": T, "velocity": VELOCITY, "noise": 0.01, "seed": 0}, {"noise": NUMBER}),
    "DelayLine": (
        models.DelayLine,
        {"period": 0.02, "rise": 0.001, "decay": 0.002, "coincidence": "product", "level": 1.0, "wiring": "wrapped"},
        {"period": NUMBER, "rise": ("None",), "decay": ("None", *NUMBER), "level": ANY_NUMBER},
    ),
    "tuning": (
        LINE.tuning,
        {"delta": 0.01, "location": 0.0, "points": 16},
        {"delta": ANGLE, "location": ANGLE, "points": COUNT},
    ),
    "bump": (
        LINE.bump,
        {"heading": 0.1, "segments": 8, "profile": 4},
        {"heading": ANGLE, "segments": COUNT, "profile": COUNT},
    ),
    "low_pass": (
        heading.low_pass,
        {"x": np.eye(3), "dt": 1.0, "time_constant": 1.0},
        {"dt": NUMBER, "time_constant": NUMBER},
    ),
    "changed_pair": (heading.changed_pair, {"pair": PAIR, "what": "weights", "factors": np.ones(2)}, {}),
    "defaults": (networks.defaults, {"name": "lem"}, {}),
    "decode": (delay_line.decode, {"activity": np.eye(8)}, {}),
    "circular_difference": (
        delay_line.circular_difference,
        {"a": 0.1, "b": 0.2},
        {"a": ANGLE, "b": ANGLE},
    ),
    "changed_ring": (
        robustness.changed_ring,
        {"ring": RING, "what": "weights", "sizes": [0.1], "draws": 1, "seed": 0},
        {"draws": COUNT},
    ),
    "ring_memory": (
        robustness.ring_memory,
        {
            "ring": RING,
            "what": "weights",
            "sizes": [0.0],
            "times": [0.01],
            "draws": 1,
            "headings": 2,
            "seed": 0,
            "dt": 0.2,
        },
        {"draws": COUNT, "headings": COUNT, "dt": NUMBER},
    ),
    "circuit_memory": (
        robustness.circuit_memory,
        {
            "circuit": CIRCUIT,
            "what": "weights",
            "sizes": [0.0],
            "times": [0.1],
            "draws": 1,
            "headings": 2,
            "seed": 0,
            "shared": 0.0,
        },
        {"draws": COUNT, "headings": COUNT, "shared": ("0.5",)},
    ),
    "memory_error": (
        robustness.memory_error,
        {"stored": np.zeros(2), "kept": np.zeros((1, 2)), "up_to_rotation": False},
        {"up_to_rotation": FLAG},
    ),
    "Controller": (
        reinforcement.Controller,
        {"observed": "partial", "units": 4, "start": "default", "raw_angle": False, "seed": 0},
        {"units": COUNT, "raw_angle": ("True",), "seed": ()},
    ),
    "PPO": (
        reinforcement.PPO,
        {
            **{"environments": 4, "steps": 256, "passes": 10, "minibatches": 4, "chunk": 64, "discount": 0.9},
            **{"trace": 0.9, "clip": 0.2, "value_weight": 0.5, "reward_scale": 0.1, "trials": 20, "keep_every": 0},
        },
        {
            **dict.fromkeys(("environments", "steps", "passes", "trials", "keep_every"), COUNT),
            **dict.fromkeys(("discount", "trace", "clip"), ("0.5",)),
            **dict.fromkeys(("value_weight", "reward_scale"), NUMBER),
        },
    ),
    "gae": (
        reinforcement.gae,
        {
            **dict.fromkeys(("rewards", "values", "coming"), torch.zeros(3)),
            **{"ends": torch.zeros(3, dtype=torch.bool), "discount": 0.9, "trace": 0.9},
        },
        {"discount": ("0.5",), "trace": ("0.5",)},
    ),
    "surrogate": (
        reinforcement.surrogate,
        {"ratio": torch.ones(3), "advantage": torch.ones(3), "clip": 0.2},
        {"clip": ("0.5",)},
    ),
    **{
        f.__name__: (f, {"x": torch.zeros(2), "u": torch.tensor(0.0)}, {})
        for f in (reinforcement.swing, reinforcement.swing_jacobians)
    },
    "observation": (
        reinforcement.observation,
        {"x": torch.zeros(2), "observed": "full", "raw_angle": False},
        {"raw_angle": ("True",)},
    ),
    "reset": (
        reinforcement.reset,
        {"count": 2, "generator": None, "dtype": torch.float32},
        {"count": COUNT, "generator": ("None",)},
    ),
    "wrap": (reinforcement.wrap, {"theta": torch.zeros(2)}, {}),
    "ControlledPendulum": (reinforcement.ControlledPendulum, {"controller": AGENT, "dtype": torch.float64}, {}),
    "play": (reinforcement.play, {"controller": AGENT, "starts": np.zeros((1, 2)), "steps": 1}, {"steps": COUNT}),
    "starts": (reinforcement.starts, {"count": 2, "seed": 0, "spread": "plane"}, {"count": COUNT}),
    "resting": (
        reinforcement.resting,
        {"controller": AGENT, "posture": "upright", "states": np.zeros((1, 4)), "coupled": False},
        {"coupled": ("True",)},
    ),
    "held": (reinforcement.held, {"controller": AGENT, "posture": "none"}, {}),
    "driven": (reinforcement.driven, {"controller": AGENT, "x": np.zeros((3, 2))}, {}),
    "policy_map": (
        reinforcement.policy_map,
        {"x": np.zeros((3, 2)), "torque": np.zeros(3), "bins": (4, 3)},
        {},
    ),
    "sharpness": (reinforcement.sharpness, {"policy": POLICY, "bound": 2.0}, {"bound": NUMBER}),
    "torque_at_speed": (
        reinforcement.torque_at_speed,
        {"policy": POLICY, "low": 0.0, "high": 8.0},
        {"low": NUMBER, "high": NUMBER},
    ),
    "principal_plane": (reinforcement.principal_plane, {"states": np.eye(3)}, {}),
    "ring": (
        reinforcement.ring,
        {"states": np.eye(3), "theta": np.arange(3.0), "plane": PLANE, "bins": 3, "harmonics": 1},
        {"bins": COUNT, "harmonics": COUNT},
    ),
    "angle_on_ring": (
        reinforcement.angle_on_ring,
        {"point": np.zeros(3), "states": np.eye(3), "theta": np.arange(3.0)},
        {},
    ),
    "integration_times": (
        reinforcement.integration_times,
        {"W": np.eye(2), "states": np.zeros((1, 2)), "count": 1},
        {},
    ),
    "median_interval": (
        reinforcement.median_interval,
        {"values": np.arange(3.0), "confidence": 0.9},
        {"confidence": ("0.5",)},
    ),
    "regression": (reinforcement.regression, {"x": np.arange(3.0), "y": np.arange(3.0)}, {}),
    "within_correlation": (
        reinforcement.within_correlation,
        {"x": np.arange(3.0), "y": np.arange(3.0), "groups": [0, 0, 0], "given": [0.0, 2.0, 1.0]},
        {"given": ("None",)},
    ),
    "permutation_p": (
        reinforcement.permutation_p,
        {"x": np.arange(3.0), "y": np.arange(3.0), "groups": [0, 0, 0], "draws": 9, "seed": 0},
        {"draws": COUNT},
    ),
    "System.from_function": (
        partial(pta.System.from_function, torch.sin, kind="flow"),
        {"dim": 2, "dtype": torch.float64},
        {"dim": COUNT},
    ),
    "System.to": (SYSTEM.to, {"target": torch.float32}, {}),
    "as_state": (SYSTEM.as_state, {"x0": np.zeros(2)}, {}),
    "make_task": (tasks.make_task, {"task": "copy-memory"}, {}),
    "CopyMemory": (
        tasks.CopyMemory,
        {"delay": 3, "symbols": 3, "tokens": 2, "seed": 0, "sizes": (5, 2, 2)},
        {"delay": COUNT, "tokens": COUNT},
    ),
    "RandomDelayCopy": (
        tasks.RandomDelayCopy,
        {"delay": (3, 4), "symbols": 3, "tokens": 2, "seed": 0, "sizes": (5, 2, 2)},
        {"tokens": COUNT},
    ),
    "TemporalOrder": (tasks.TemporalOrder, {"delay": (6, 8), "seed": 0, "sizes": (5, 2, 2)}, {}),
    "SequentialImages": (
        tasks.SequentialImages,
        {"dataset": "digits", "sizes": (5, 2, 2), "seed": 0, "folder": None, "download": False},
        {"sizes": ("None",), "folder": ("None", "text"), "download": FLAG},
    ),
    "PermutedImages": (tasks.PermutedImages, {"permutation": None, "seed": 0}, {"permutation": ("None",)}),
    "load_images": (
        tasks.load_images,
        {"dataset": "digits", "folder": None, "download": False},
        {"folder": ("None", "text"), "download": FLAG},
    ),
    "parse_idx": (tasks.parse_idx, {"content": bytes([0, 0, 8, 1, 0, 0, 0, 1, 7])}, {}),
    "parse_cifar": (tasks.parse_cifar, {"content": bytes(3073)}, {}),
    "Task.split": (TASK.split, {"split": "test"}, {}),
    "Settings": (
        training.Settings,
        training.Settings().config(),
        {
            "lr": ("0.5",),
            "clip": ("None", *NUMBER),
            "dropout": ("0.5",),
            "decay": ("0.5",),
            "decay_wait": COUNT,
            "patience": COUNT,
            "epochs": COUNT,
            "batch_size": COUNT,
            "probe_every": COUNT,
            "probe_exponents": ("None", *COUNT),
        },
    ),
    "experiment": (
        training.experiment,
        {"task": "copy-memory", "model": "tanh", "preset": "quick", "seed": 0, "units": 4},
        {"units": ("None", *COUNT)},
    ),
    "search_space": (
        training.search_space,
        {"model": "tanh", "given": (), "task": "copy-memory"},
        {"given": ("empty list", "empty dict", "texts")},
    ),
    "as_system": (training.as_system, {"system": MODEL, "input": None}, {"input": ("None",)}),
    "adjoint_norms": (
        training.adjoint_norms,
        {"model": MODEL, "split": SPLIT, "sequences": 2, "seed": 0},
        {"sequences": COUNT},
    ),
    "probe": (training.probe, {"model": MODEL, "split": SPLIT, "exponents": 1}, {"exponents": ("None", *COUNT)}),
    "evaluate": (training.evaluate, {"model": MODEL, "split": SPLIT}, {}),
    "loss_of": (
        training.loss_of,
        {"outputs": torch.zeros(*BATCH.targets.shape, TASK.n_outputs), "batch": BATCH, "kind": "scored"},
        {},
    ),
    "load_weights": (training.load_weights, {"folder": "text", "device": "cpu"}, {"folder": ("text",)}),
    "read_campaign": (training.read_campaign, {"path": "text"}, {"path": ("text",)}),
    "run_campaign": (
        training.run_campaign,
        {"runs": [], "root": "text", "jobs": 1},
        {"runs": ("empty list", "empty dict"), "root": ("text",), "jobs": COUNT},
    ),
    "search": (training.search, {"task": "copy-memory", "model": "tanh", "root": "text"}, {"root": ("text",)}),
    "paper_value": (training.paper_value, {"row": "copy memory, k = 100", "model": "tanh"}, {}),
    "agrees": (
        training.agrees,
        {"ours": 1.0, "paper": 1.0, "chance": 2.0, "in_percent": False},
        {"ours": ANY_NUMBER, "paper": ANY_NUMBER, "chance": NUMBER, "in_percent": FLAG},
    ),
    "table": (training.table, {"runs": []}, {"runs": ("empty list", "empty dict")}),
    "show": (training.show, {"cells": []}, {"cells": ("empty list", "empty dict")}),
    "train": (
        training.train,
        {"task": TASK, "model": MODEL, "settings": training.Settings(epochs=1), "folder": None},
        {"settings": ("None",), "folder": ("None", "text")},
    ),
}


@pytest.mark.parametrize(("name", "argument"), [(name, argument) for name in PUBLIC for argument in PUBLIC[name][1]])
def test_a_wrong_object_is_refused_by_the_name_of_the_argument(name, argument):
    function, good, right = PUBLIC[name]
    for label in WRONG.keys() - set(right.get(argument, ())):
        with pytest.raises((ValueError, TypeError, FileNotFoundError)) as refused:
            function(**{**good, argument: WRONG[label]})
        assert re.search(rf"\b{argument}\b", str(refused.value).partition(":")[0]), (label, refused.value)


QUICK = {
    name: case
    for name, case in PUBLIC.items()
    if name not in ("load_weights", "read_campaign", "search", "train", "probe")
}


@pytest.mark.parametrize("name", QUICK)
def test_the_right_objects_are_taken(name):
    function, good, _ = QUICK[name]
    function(**good)


def test_every_public_function_is_at_the_door():
    """Or it is tested with its own file: what takes modules, orbits or records."""
    elsewhere = {
        *(
            "adjoint",
            "covariant_vectors",
            "fixed_points",
            "floss_",
            "lyapunov_spectrum",
            "periodic_orbit",
            "pta_",
            "sensitivity",
            "time_time_jacobian",
        ),
        *("TangentSystem", "trajectory", "ModuleMap", "Recurrent", "System", "Task", "Batch", "Split", "Tongue"),
        "Ensemble",
        *("Cell", "Experiment", "Planned", "Run", "Search", "Trial", "read_run", "read_runs", "read_search"),
        *("Objective", "Supervised", "outcome", "state", "attractors", "trained_network", "untrained_network"),
        *(network.__name__ for network in networks.MODELS.values()),  # by their names, with `build`
    }
    results = ("Trajectory", "Family", "Certificates", "FixedPoints", "Flossing", "LyapunovSpectrum")
    results += ("Attractor", "CovariantVectors", "Oscillators", "PeriodicOrbit", "Spikes", "PiecewiseLinear")
    for module in (pta, models, networks, heading, tasks, training, experiments, neighbours):
        for name in module.__all__:
            thing = getattr(module, name)
            if (
                callable(thing)
                and name not in results
                and not (isinstance(thing, type) and issubclass(thing, Exception))
            ):
                assert name in PUBLIC or name in elsewhere, name


@pytest.mark.parametrize("name", [name for name in QUICK if "seed" in QUICK[name][1]])
def test_seeds_come_as_numpy_s_and_torch_s_integers(name):
    function, good, _ = QUICK[name]
    for seed in (np.int64(3), np.array(3), torch.tensor(3)):
        function(**{**good, "seed": seed})


def test_documented_parameters_are_those_that_are_taken():
    docscrape = pytest.importorskip("numpydoc.docscrape")
    wrong, seen = set(), 0
    for found in pkgutil.walk_packages(pta.__path__, "ptacore."):
        if found.name.endswith("__main__"):
            continue
        module = import_module(found.name)
        for thing in [t for t in vars(module).values() if getattr(t, "__module__", None) == found.name]:
            if not (inspect.isfunction(thing) or inspect.isclass(thing)) or not (doc := inspect.getdoc(thing)):
                continue
            documented = docscrape.NumpyDocString(doc)["Parameters"]
            told = {name.strip(" *") for parameter in documented for name in parameter.name.split(",")}
            if not told:
                continue
            seen += len(told)
            wrong |= {
                f"{found.name}.{thing.__name__}: {name}" for name in told - {*inspect.signature(thing).parameters}
            }
    assert not wrong
    assert seen > 500
