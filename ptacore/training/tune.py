"""Search for hyperparameters (S2.3): Optuna's TPE proposes, Ray trains, the records of ordinary runs say how it went.

A search's folder holds ``search.json`` (what is searched, and how), for every trial a folder with the record of its
run and ``trial.json`` (what was proposed), and in the end ``best.json``. The records are the only state: from them
an interrupted search goes on with whatever Ray, and a trial whose worker died with its own last checkpoint.

A trial is judged by the lowest validation loss of its history. Its record holds a test result too, like that of any
run; nothing here reads it.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from filelock import FileLock, Timeout

from ptacore import provenance
from ptacore.tasks.task import integer
from ptacore.training import checkpoints, records
from ptacore.training.loop import ROOT, describe, train
from ptacore.training.presets import IMAGES, experiment, sort_settings
from ptacore.training.records import Run, read_run

WORST = float(np.finfo(np.float32).max)
"""Loss of a trial that diverged in its first epoch: above every loss of a network in single precision, yet finite,
because ASHA interpolates between losses and two infinities would give NaN. TPE looks at the order of losses only."""

RETRIES = 3  # of a trial whose worker died
PATIENCE = 120  # seconds for a worker that is being killed to let go of its trial


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included: "log"-uniform, "linear", or "integer" (whole numbers, linear)."""

    low: float
    high: float
    scale: str = "log"


@dataclass(frozen=True)
class Choice:
    """One of some values."""

    values: tuple


TRAINING = {  # S2.3
    "lr": Range(1e-5, 1.0),
    "clip": Range(1e-2, 1e2),
    "dropout": Range(10**-1.5, 0.9),
    "decay": Range(1e-1, 1.0),
    "patience": Range(5, 80, "integer"),
}
OWN = {  # "in ranges reported in their original publications"
    # Chang et al. 2019 say eps and scale (their sigma_w) value by value, and of gamma that it be small.
    "antisymmetric": {
        "eps": Choice((0.01, 0.1, 1.0)),
        "gamma": Range(1e-3, 1e-1),
        "scale": Choice((0.0, 1.0, 2.0, 4.0, 8.0, 16.0)),
    },
    # Rusch & Mishra 2021 searched at random and give the best values of each task: this is what those span.
    "cornn": {"dt": Range(1.6e-2, 1e-1), "gamma": Range(0.2, 94.5), "eps": Range(4.7, 15.0)},
    # Erichson et al. 2021, the "plausible ranges" of their random search.
    "lipschitz": {"eps": Range(1e-3, 1.0), "beta": Choice((0.65, 0.7, 0.75, 0.8)), "gamma": Range(1e-3, 1.0)},
    # Rusch et al. 2022, from EigenWorms to the tasks that keep dt = 1: what the best values of each task span.
    "lem": {"dt": Range(1.7e-4, 1.0)},
}


def search_space(model: str, given: Iterable[str] = (), task: str = "copy-memory") -> dict[str, Range | Choice]:
    """What is searched for a network: the five parameters of S2.3, and those of its own that its authors searched.

    Parameters
    ----------
    model : str
        A key of `ptacore.models.recurrent.MODELS`.
    given : iterable of str
        Settings that have a fixed value, which are not searched.
    task : str
        A key of `ptacore.tasks.TASKS`, whose parameters may be among the given.

    Returns
    -------
    dict
        Ranges and choices by the qualified name of the setting.

    Raises
    ------
    ValueError
        If a name is unknown, or nothing is left to search.

    Examples
    --------
    >>> search_space("lem", given=["patience", "training.clip"])  # doctest: +NORMALIZE_WHITESPACE
    {'training.lr': Range(low=1e-05, high=1.0, scale='log'),
     'training.dropout': Range(low=0.03162277660168379, high=0.9, scale='log'),
     'training.decay': Range(low=0.1, high=1.0, scale='log'),
     'model.dt': Range(low=0.00017, high=1.0, scale='log')}
    """
    fixed = sort_settings(task, model, dict.fromkeys(given))
    groups = {"training": TRAINING, "model": OWN.get(model, {})}
    found = {f"{g}.{name}": d for g, own in groups.items() for name, d in own.items() if name not in fixed[g]}
    if not found:
        raise ValueError(f"{model}: all that could be searched is given")
    return found


# ---- records


@dataclass(frozen=True)
class Trial:
    """A trial of a search.

    Attributes
    ----------
    number : int
        From 0, in the order of proposal.
    settings : dict
        What was proposed, by qualified name.
    folder : Path
        Of the record.
    run : Run or None
        None until its first epoch has begun.
    stopped : bool
        Whether ASHA gave it up.
    """

    number: int
    settings: dict
    folder: Path
    run: Run | None
    stopped: bool

    @property
    def ended(self) -> bool:
        return self.stopped or self.finished

    @property
    def finished(self) -> bool:
        return self.run is not None and self.run.finished

    @property
    def status(self) -> str:
        """That of its run, or "stopped", or "unfinished"."""
        if self.finished:
            return self.run.summary["status"]
        return "stopped" if self.stopped else "unfinished"

    @property
    def loss(self) -> float:
        """See `objective`."""
        return WORST if self.run is None else objective(self.run)


@dataclass(frozen=True)
class Search:
    """A search for hyperparameters.

    Attributes
    ----------
    folder : Path
    plan : dict
        What ``search.json`` says.
    trials : list of Trial
        By their number.
    """

    folder: Path
    plan: dict
    trials: list[Trial]

    @property
    def ended(self) -> bool:
        return len(self.trials) == self.plan["trials"] and all(trial.ended for trial in self.trials)

    @property
    def best(self) -> Trial | None:
        """The trial of lowest validation loss among those that finished; None if none got through an epoch."""
        candidates = [trial for trial in self.trials if trial.finished and trial.run.history]
        return min(candidates, key=lambda trial: trial.loss, default=None)

    @property
    def outcomes(self) -> dict[str, int]:
        """How many trials there are of each status."""
        return dict(Counter(trial.status for trial in self.trials))


def objective(run: Run) -> float:
    """What a search minimizes: the lowest validation loss of a run, in nats; `WORST` before the first epoch is over.

    Examples
    --------
    >>> objective(Run({}, [{"validation_loss": 0.5}, {"validation_loss": 0.25}, {"validation_loss": 0.75}], {}, {}))
    0.25
    """
    return float(min(run.column("validation_loss"), default=WORST))


def read_search(folder: str | Path, trials: int | None = None) -> Search:
    """Read the record of a search, ended or not.

    Parameters
    ----------
    folder : str or Path
        With ``search.json``.
    trials : int, optional
        Look at the first so many trials only; at as many as were last asked for, if omitted.

    Returns
    -------
    Search

    Raises
    ------
    RecordError
        If a file is missing, cannot be read, or says what cannot be.
    """
    folder = Path(folder)
    plan = records.read_json(folder / "search.json")
    plan["trials"] = trials or plan["trials"]
    found = [read_trial(path.parent) for path in sorted(folder.glob("trial-*/trial.json"))]
    for number, trial in enumerate(found):
        if trial.number != number:
            raise records.RecordError(f"{trial.folder}: holds trial {trial.number} instead of {number}")
    return Search(folder, plan, found[: plan["trials"]])


def read_trial(folder: Path) -> Trial:
    """Read the record of a trial, see `read_search`."""
    content = records.read_json(folder / "trial.json")
    run = read_run(folder) if (folder / "config.json").exists() else None
    return Trial(content["number"], content["settings"], folder, run, content["stopped"])


def _write_trial(folder: Path, number: int, settings: dict, stopped: bool = False) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    records.write_json(folder / "trial.json", {"number": number, "settings": settings, "stopped": stopped})


# ---- the search


def search(
    task: str,
    model: str,
    root: str | Path,
    *,
    trials: int | None = None,
    preset: str = "quick",
    seed: int = 0,
    units: int | None = None,
    asha: bool = False,
    jobs: int | None = None,
    on_trial: Callable[[Trial], None] | None = None,
    **given,
) -> Search:
    """Search for the hyperparameters with which a network learns a task best.

    If the same search was begun below `root` before, it goes on there; if it has ended, its record is returned.
    Asking for more trials than last time adds to it.

    Parameters
    ----------
    task, model, preset, seed, units, **given
        See `experiment`. A setting that is given is not searched. The seed is that of the proposals, too.
    root : str or Path
        The folder is ``root/TASK/MODEL/search-...``; machines of a cluster have to share it.
    trials : int, optional
        200, or 100 for images (S2.3): the same for all networks, however many parameters they have.
    asha : bool
        Give up trials early that lag behind others after the same number of epochs (Li et al. 2020).
    jobs : int, optional
        Trials at a time, each on one core; as many as there are cores, if omitted. One at a time, the search is
        reproducible; otherwise the proposals depend on which trials end first.
    on_trial : callable, optional
        Called with every trial that has ended.

    Returns
    -------
    Search

    Raises
    ------
    ValueError
        If a name is unknown or a value outside its range.
    ImportError
        If Ray or Optuna is missing.
    RuntimeError
        If another process runs this search, or trials could not be brought to an end.

    Notes
    -----
    Ray is started on this machine for the time of the search, unless the environment variable RAY_ADDRESS names a
    cluster, or ``ray.init`` was called before. A trial whose worker dies is taken up by another, from its last epoch.
    """
    trials = integer(trials, "trials", 1) if trials is not None else 100 if task in IMAGES else 200
    if jobs is not None:
        integer(jobs, "jobs", 1)
    plan = {"trials": trials} | _plan(task, model, preset, seed, units, asha, given)
    folder = Path(root).absolute() / task / model / f"search-{_digest(plan)}"
    if (folder / "search.json").exists() and (found := read_search(folder, trials)).ended:
        return _conclude(found)
    _need_ray()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=0):
            records.write_json(folder / "search.json", plan)
            _train_with_ray(_Proposals(read_search(folder)), jobs, on_trial)
            return _conclude(read_search(folder))
    except Timeout:
        raise RuntimeError(f"another process runs the search in {folder}") from None


def _plan(task: str, model: str, preset: str, seed: int, units: int | None, asha: bool, given: dict) -> dict:
    """All that determines a search but the number of its trials, as JSON takes it."""
    made = experiment(task, model, preset, seed, units, **given)
    made.task.split("train")  # which may be impossible, and had better be so now
    config = describe(*made)
    domains = search_space(model, given, task)
    config["model"].pop("initial")  # which may depend on what is searched
    for name in domains:
        group, key = name.split(".")
        (config["training"] if group == "training" else config["model"]["options"]).pop(key)
    names = {"task": task, "model": model, "preset": preset, "seed": seed, "units": units, "given": given}
    space = {name: asdict(domain) for name, domain in domains.items()}
    return names | {"sampler": "TPE", "asha": asha, "space": space, "fixed": config}


def _digest(plan: Mapping) -> str:
    return records.digest({name: plan[name] for name in ("sampler", "asha", "space", "fixed")})


def _conclude(found: Search) -> Search:
    """Write what came out; complain of trials that did not end."""
    if not found.ended:
        left = found.plan["trials"] - sum(trial.ended for trial in found.trials)
        where = found.folder / ".ray"
        raise RuntimeError(f"{left} trials did not end, for reasons told in {where}; the same command tries again")
    best, head = found.best, provenance.commit(ROOT, "ptacore")
    result = {"trials": len(found.trials), "outcomes": found.outcomes, "best": None}
    if best:
        result["best"] = {
            "folder": best.folder.name,
            "validation_loss": best.loss,
            "epoch": best.run.summary["best_epoch"],
            "settings": best.settings,
        }
    result["commit"] = head[0] + " with changes" * bool(head[1])
    result["versions"] = provenance.versions()
    records.write_json(found.folder / "best.json", result)
    return found


# ---- Optuna


class _Proposals:
    """A study of Optuna that is made from the records of a search, and grows with them."""

    def __init__(self, found: Search):
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.folder, self.plan, self.ended = found.folder, found.plan, [t for t in found.trials if t.ended]
        self.domains = {name: _distribution(domain) for name, domain in found.plan["space"].items()}
        self.study = optuna.create_study(sampler=_sampler(found.plan["seed"]))
        for trial in found.trials:  # so that Optuna's numbers are ours
            if trial.ended:
                _drop_weights(trial.folder)
                self.study.add_trial(_told(trial, self.domains))
            else:
                self.study.enqueue_trial(trial.settings)  # is asked for again, before anything new

    @property
    def remaining(self) -> int:
        return self.plan["trials"] - len(self.ended)

    def ask(self) -> Path:
        """Folder of the next trial to train."""
        proposed = self.study.ask(self.domains)
        folder = self.folder / f"trial-{proposed.number:04}"
        if not (folder / "trial.json").exists():
            _write_trial(folder, proposed.number, proposed.params)
        return folder

    def tell(self, folder: Path) -> Trial:
        """Take in a trial that has ended; if its run has not, it was stopped."""
        trial = read_trial(folder)
        if not trial.ended:
            _write_trial(folder, trial.number, trial.settings, stopped=True)
            trial = read_trial(folder)
        _drop_weights(folder)
        self.study.tell(trial.number, trial.loss)
        self.ended.append(trial)
        return trial


def _drop_weights(folder: Path) -> None:
    for name in checkpoints.NAMES:  # a search has gigabytes of them, and the best trial is easily trained anew
        (folder / name).unlink(missing_ok=True)


def _distribution(domain: Mapping):
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if "values" in domain:
        return CategoricalDistribution(domain["values"])
    if domain["scale"] == "integer":
        return IntDistribution(domain["low"], domain["high"])
    return FloatDistribution(domain["low"], domain["high"], log=domain["scale"] == "log")


def _told(trial: Trial, domains: dict):
    from optuna.trial import create_trial

    return create_trial(params=trial.settings, distributions=domains, value=trial.loss)


def _sampler(seed: int):
    from optuna.samplers import TPESampler

    class Sampler(TPESampler):
        """TPE with random numbers for each trial of its own: a search that is resumed does not draw the same again."""

        def before_trial(self, study, trial):
            stream = np.random.SeedSequence([seed, trial.number]).generate_state(1)[0]
            super().__init__(seed=int(stream))
            super().before_trial(study, trial)

    return Sampler()


# ---- Ray


def run_trial(folder: Path, report: Callable[[dict], None]) -> Run:
    """Train a trial, or resume it.

    Parameters
    ----------
    folder : Path
        With ``trial.json``, in the folder of a search.
    report : callable
        Called after every epoch and in the end with {"epoch", "loss"}: the `objective` of the run so far.

    Returns
    -------
    Run
    """
    plan, own = records.read_json(folder.parent / "search.json"), records.read_json(folder / "trial.json")
    with FileLock(folder / ".lock", timeout=PATIENCE):
        pass  # whoever trained here before is gone
    made = experiment(
        *(plan[k] for k in ("task", "model", "preset", "seed", "units")), **plan["given"], **own["settings"]
    )
    run = train(
        *made, folder, on_epoch=lambda row: report({"epoch": row["epoch"], "loss": objective(read_run(folder))})
    )
    report({"epoch": len(run.history), "loss": objective(run)})
    return run


def _need_ray() -> None:
    os.environ |= QUIET | os.environ
    try:
        import optuna  # noqa: F401
        import ray.tune  # noqa: F401
    except ImportError as error:
        raise ImportError(f"a search needs Ray and Optuna ({error}): pip install 'ptacore[tune]'") from None


QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",  # tell nobody
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # a default to come, with a warning until then
    "RAY_AIR_NEW_OUTPUT": "0",  # the old one can be silent
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # our records are enough
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",  # nor a worker's death, after which another takes over
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # Ctrl-C ends the search at once, which can be resumed
}


def _worker(config: dict) -> None:
    """What Ray calls in a process of its own, once for every trial and again if that process dies."""
    from ray import tune

    torch.set_num_threads(1)
    try:
        run_trial(Path(config["folder"]), tune.report)
    except Exception as error:  # of ours: another attempt would fare no better, and other trials hardly
        tune.report({"epoch": 0, "loss": WORST, "error": f"{type(error).__name__}: {error}"})


def _train_with_ray(proposals: _Proposals, jobs: int | None, on_trial: Callable[[Trial], None] | None) -> None:
    """Bring the trials to an end that have none yet."""
    import ray
    from ray import tune

    storage = proposals.folder / ".ray"
    shutil.rmtree(storage, ignore_errors=True)
    searcher = _searcher(proposals, on_trial or (lambda trial: None))
    with _ray(jobs):
        tune.Tuner(
            tune.with_resources(_worker, {"cpu": 1}),
            tune_config=tune.TuneConfig(
                search_alg=searcher,
                scheduler=_asha(proposals) if proposals.plan["asha"] else None,
                num_samples=proposals.remaining,
                max_concurrent_trials=jobs or max(1, int(ray.cluster_resources().get("CPU", 1))),
                reuse_actors=True,
                trial_dirname_creator=lambda trial: trial.trial_id,
            ),
            run_config=tune.RunConfig(
                name=storage.name,
                storage_path=str(proposals.folder),
                failure_config=tune.FailureConfig(max_failures=RETRIES),
                verbose=0,
            ),
        ).fit()
    if searcher.errors:
        raise RuntimeError(searcher.errors[0])
    if not proposals.remaining:
        shutil.rmtree(storage, ignore_errors=True)


@contextmanager
def _ray(jobs: int | None):
    """Ray for the time of a search, unless it is there: of the cluster that RAY_ADDRESS names, or else started here."""
    import ray

    if ray.is_initialized():
        yield
        return
    address = os.environ.get("RAY_ADDRESS", "local")
    here = {"num_cpus": jobs or len(os.sched_getaffinity(0)), "include_dashboard": False} if address == "local" else {}
    handler = signal.getsignal(signal.SIGTERM)
    ray.init(address, log_to_driver=False, logging_level=logging.ERROR, **here)
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, handler)  # Ray's own would end the process without a word
    try:
        yield
    finally:
        ray.shutdown()


def _searcher(proposals: _Proposals, on_trial: Callable[[Trial], None]):
    from ray.tune.search import Searcher

    class FromRecords(Searcher):
        """Tells Tune in which folder to train next, and Optuna what is recorded there."""

        def __init__(self):
            super().__init__(metric="loss", mode="min")
            self.folders: dict[str, Path] = {}
            self.errors: list[str] = []

        def suggest(self, trial_id):
            if self.errors:
                return Searcher.FINISHED
            self.folders[trial_id] = proposals.ask()
            return {"folder": str(self.folders[trial_id])}

        def on_trial_complete(self, trial_id, result=None, error=False):
            folder = self.folders.pop(trial_id)
            try:
                if result and "error" in result:
                    raise RuntimeError(result["error"])
                if not error:
                    on_trial(proposals.tell(folder))
            except Exception as reason:  # if it were raised, Tune would call again
                self.errors.append(f"{folder}: {reason}")

        def save(self, checkpoint_path):
            Path(checkpoint_path).touch()  # Tune wants a file; the state is in the records

        def restore(self, checkpoint_path):
            raise NotImplementedError

    return FromRecords()


def _asha(proposals: _Proposals):
    """ASHA that knows the trials of the record; it compares after 1/16 of the epochs, 4/16, and never in the end."""
    from ray.tune.schedulers import ASHAScheduler

    epochs = proposals.plan["fixed"]["training"]["epochs"]
    scheduler = ASHAScheduler(
        time_attr="epoch",
        metric="loss",
        mode="min",
        max_t=max(1, epochs - 1),
        grace_period=max(1, epochs // 16),
        reduction_factor=4,
        stop_last_trials=False,
    )
    replay(scheduler, proposals.ended)
    return scheduler


def replay(scheduler, trials: Sequence[Trial]) -> None:
    """Show a scheduler of Tune the losses of earlier trials, epoch by epoch."""
    for trial in trials:
        ghost = SimpleNamespace(trial_id=trial.folder.name)
        scheduler.on_trial_add(None, ghost)
        losses = trial.run.column("validation_loss")
        for epoch, loss in enumerate(np.minimum.accumulate(losses), start=1):
            scheduler.on_trial_result(None, ghost, {"epoch": epoch, "loss": float(loss)})
