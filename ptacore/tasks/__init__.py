"""What is learned: the sequence tasks of Figure 5C and Table S1 (S2.1, S2.2), by name in `TASKS`."""

from ptacore.checks import choice
from ptacore.tasks.copy_memory import CopyMemory, RandomDelayCopy
from ptacore.tasks.datasets import DATASETS, load_images, parse_cifar, parse_idx
from ptacore.tasks.images import PermutedImages, SequentialImages
from ptacore.tasks.task import Batch, Split, Task
from ptacore.tasks.temporal_order import TemporalOrder

TASKS = {task.name: task for task in (CopyMemory, RandomDelayCopy, TemporalOrder, SequentialImages, PermutedImages)}

__all__ = [
    "DATASETS",
    "TASKS",
    "Batch",
    "CopyMemory",
    "PermutedImages",
    "RandomDelayCopy",
    "SequentialImages",
    "Split",
    "Task",
    "TemporalOrder",
    "load_images",
    "make_task",
    "parse_cifar",
    "parse_idx",
]


def make_task(task: str, **settings) -> Task:
    """A task by its name, or again from what its ``config()`` returned.

    Parameters
    ----------
    task : str
        A key of `ptacore.tasks.TASKS`.
    **settings
        The task's parameters.

    Returns
    -------
    Task

    Raises
    ------
    ValueError
        If there is no such task or parameter, with the valid ones, or a value is out of range.

    Examples
    --------
    >>> task = make_task("copy-memory", delay=20)
    >>> make_task(**task.config()) == task
    True
    """
    choice("task", task, TASKS)
    valid = TASKS[task].parameters()
    for name in settings:
        if name not in valid:
            raise ValueError(f"{task}: no parameter {name!r}, expected one of {', '.join(valid)}")
    return TASKS[task](**settings)
