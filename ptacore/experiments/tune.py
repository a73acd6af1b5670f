"""Search for hyperparameters (S2.3): Optuna's TPE proposes, Ray trains, the records of ordinary runs say how it went.

The records (see `searches`) are the only state: from them an interrupted search goes on with any version of Ray, and a
trial whose worker died with its own last checkpoint.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch

from ptacore import checks, provenance
from ptacore.checks import integer, workers
from ptacore.experiments.presets import IMAGES, check_names, experiment
from ptacore.experiments.ranges import search_space
from ptacore.experiments.searches import WORST, Search, Trial, objective, read_search, read_trial, write_trial
from ptacore.training import checkpoints, records
from ptacore.training.loop import describe, train
from ptacore.training.records import Run, read_run

RETRIES = 3  # of a trial whose worker died
PATIENCE = 120  # seconds for a worker that is being killed to let go of its trial


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
    folder, plan = planned(
        task, model, root, trials=trials, preset=preset, seed=seed, units=units, asha=asha, jobs=jobs, **given
    )
    return carried_out(folder, plan, jobs, on_trial)


def planned(
    task: str,
    model: str,
    root: str | Path,
    *,
    trials: int | None,
    preset: str,
    seed: int,
    units: int | None,
    asha: bool,
    jobs: int | None,
    **given,
) -> tuple[Path, dict]:
    """Folder and plan of a search: all that is wrong with its arguments is told before anything is trained."""
    check_names(task, model, preset)
    root = checks.folder("root", root)
    trials = integer("trials", trials, 1) if trials is not None else 100 if task in IMAGES else 200
    if jobs is not None:
        integer("jobs", jobs, 1)
    plan = {"trials": trials} | _plan(task, model, preset, seed, units, asha, given)
    folder = root.absolute() / task / model / f"search-{_digest(plan)}"
    if _ended(folder, plan) is None:
        _need_ray()
    return folder, plan


def _ended(folder: Path, plan: dict) -> Search | None:
    """The record of a search that has ended."""
    found = read_search(folder, plan["trials"]) if (folder / "search.json").exists() else None
    return found if found is not None and found.ended else None


def carried_out(folder: Path, plan: dict, jobs: int | None, on_trial: Callable[[Trial], None] | None) -> Search:
    """A search that is `planned`, brought to its end."""
    if found := _ended(folder, plan):
        return _conclude(found)
    with checkpoints.alone_in(folder, "another process runs the search in"):
        records.write_json(folder / "search.json", plan)
        _train_with_ray(_Proposals(read_search(folder)), jobs, on_trial)
        return _conclude(read_search(folder))


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
    best = found.best
    result = {"trials": len(found.trials), "outcomes": found.outcomes, "best": None}
    if best:
        result["best"] = {
            "folder": best.folder.name,
            "validation_loss": best.loss,
            "epoch": best.run.summary["best_epoch"],
            "settings": best.settings,
        }
    result["commit"] = provenance.package_commit()
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
                checkpoints.clear(trial.folder)
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
            write_trial(folder, proposed.number, proposed.params)
        return folder

    def tell(self, folder: Path) -> Trial:
        """Take in a trial that has ended; if its run has not, it was stopped."""
        trial = read_trial(folder)
        if not trial.ended:
            write_trial(folder, trial.number, trial.settings, stopped=True)
            trial = read_trial(folder)
        checkpoints.clear(folder)  # a search has gigabytes of them, and the best trial is easily trained anew
        self.study.tell(trial.number, trial.loss)
        self.ended.append(trial)
        return trial


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
    with checkpoints.alone_in(folder, "a worker that was killed still trains in", timeout=PATIENCE):
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
    if address == "local" and jobs:
        workers("jobs", jobs)  # Ray would start them all at once
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
