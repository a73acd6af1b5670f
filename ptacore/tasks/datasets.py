"""Images from their original files, found or downloaded, and checked against known checksums."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import os
import shutil
import tarfile
import tempfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import urlopen

import numpy as np
from tqdm import tqdm

from ptacore import checks
from ptacore.checks import choice, instance


@dataclass(frozen=True)
class Dataset:
    """What is known of a dataset before its files are read.

    Attributes
    ----------
    n_train, n_test, pixels, channels, levels : int
        Images of the training and test files, pixels and channels of each, values that a pixel can have.
    url : str
        Where the files are: a folder, ending with a slash, of gzipped files, or a tar archive that holds them.
    files : dict
        From the files' names to the SHA-256 of their content, uncompressed: training files first.
    folders : tuple of str
        Where packages of operating systems put them.
    """

    n_train: int
    n_test: int
    pixels: int
    channels: int = 1
    levels: int = 256
    url: str = ""
    files: dict[str, str] = field(default_factory=dict)
    folders: tuple[str, ...] = ()


DATASETS = {
    "digits": Dataset(1_500, 297, pixels=64, levels=17),
    "mnist": Dataset(
        60_000,
        10_000,
        pixels=784,
        url="https://ossci-datasets.s3.amazonaws.com/mnist/",
        files={
            "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        },
    ),
    "fashion-mnist": Dataset(
        60_000,
        10_000,
        pixels=784,
        url="http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        files={
            "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        },
        folders=("/usr/share/datasets/fashion-mnist",),  # Debian's dataset-fashion-mnist
    ),
    "cifar10": Dataset(
        50_000,
        10_000,
        pixels=1_024,
        channels=3,
        url="https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
        files={
            "data_batch_1.bin": "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
            "data_batch_2.bin": "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
            "data_batch_3.bin": "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
            "data_batch_4.bin": "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
            "data_batch_5.bin": "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
            "test_batch.bin": "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
        },
    ),
}


def parse_idx(content: bytes, name: str = "content") -> np.ndarray:
    """The array of unsigned bytes in an IDX file, the format of MNIST.

    Parameters
    ----------
    content : bytes
        Two zero bytes, the type 8, the number of axes; the axes' lengths as big-endian 32-bit numbers; the entries.
    name : str
        What error messages call it.

    Returns
    -------
    ndarray, uint8

    Raises
    ------
    ValueError
        If the first bytes are others, or the length is not what they announce.

    Examples
    --------
    >>> parse_idx(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9]))
    array([7, 8, 9], dtype=uint8)
    """
    instance(name, content, bytes)
    if len(content) < 4 or content[:3] != b"\0\0\x08":
        raise ValueError(
            f"{name}: not an IDX file of unsigned bytes, it begins with {content[:4].hex(' ') or 'nothing'}"
        )
    start = 4 + 4 * content[3]
    if len(content) < start:
        raise ValueError(f"{name}: ends within its header, after {len(content):,} bytes")
    shape = [int(n) for n in np.frombuffer(content[4:start], dtype=">u4")]
    expected = start + int(np.prod(shape, dtype=object))
    if len(content) != expected:
        raise ValueError(f"{name}: expected {expected:,} bytes for shape {tuple(shape)}, got {len(content):,}")
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)


def parse_cifar(content: bytes, name: str = "content") -> tuple[np.ndarray, np.ndarray]:
    """Images and labels in a file of the binary version of CIFAR-10.

    Parameters
    ----------
    content : bytes
        For each image its label and the 32 x 32 red, green and blue values in reading order: 3,073 bytes.
    name : str
        What error messages call it.

    Returns
    -------
    images : ndarray (N, 1024, 3), uint8
    labels : ndarray (N,), uint8

    Raises
    ------
    ValueError
        If these are not whole records, or a label is above 9.

    Examples
    --------
    >>> images, labels = parse_cifar(bytes([6, *[255] * 1024, *[0] * 2048]))
    >>> labels, images[0, 0]
    (array([6], dtype=uint8), array([255,   0,   0], dtype=uint8))
    """
    instance(name, content, bytes)
    if not content or len(content) % 3073:
        raise ValueError(f"{name}: expected a multiple of 3,073 bytes, got {len(content):,}")
    records = np.frombuffer(content, dtype=np.uint8).reshape(-1, 3073)
    if records[:, 0].max() > 9:
        raise ValueError(f"{name}: expected labels from 0 to 9, got {records[:, 0].max()}")
    return records[:, 1:].reshape(-1, 3, 1024).swapaxes(1, 2), records[:, 0]


def load_images(dataset: str, folder=None, download: bool = False) -> tuple[np.ndarray, ...]:
    """Training and test images of a dataset, with their labels.

    Parameters
    ----------
    dataset : str
        A key of `ptacore.tasks.DATASETS`: "digits" comes with scikit-learn, the others are read from their original
        files, gzipped or not, whose content must have the known SHA-256.
    folder : str or Path, optional
        Where the files are. By default they are looked for in ``$PTACORE_DATA/DATASET`` (``~/.cache/ptacore/DATASET``
        if that variable is not set) and where Debian's packages put them.
    download : bool
        Whether to fetch missing files into the folder; nothing is left there but whole, checked files.

    Returns
    -------
    images : ndarray (N, pixels, channels), uint8
        In reading order.
    labels : ndarray (N,), uint8
    test_images, test_labels : ndarray
        Likewise.

    Raises
    ------
    FileNotFoundError
        If files are missing, or could not be downloaded: says which to put where.
    ValueError
        If there is no such dataset, or a file is damaged.

    Examples
    --------
    >>> [array.shape for array in load_images("digits")]
    [(1500, 64, 1), (1500,), (297, 64, 1), (297,)]
    """
    choice("dataset", dataset, DATASETS)
    if folder is not None:
        folder = checks.folder("folder", folder)
    data = DATASETS[dataset]
    if dataset == "digits":
        from sklearn.datasets import load_digits  # slow to import, needed here only

        digits = load_digits()
        parts = [(digits.images.astype(np.uint8), digits.target.astype(np.uint8))]
    else:
        contents = _contents(dataset, folder, download)
        if data.channels == 3:
            parts = [parse_cifar(content, name) for name, content in contents.items()]
        else:
            arrays = [parse_idx(content, name) for name, content in contents.items()]
            parts = [arrays[:2], arrays[2:]]
    images, labels = (np.concatenate(part) for part in zip(*parts, strict=True))
    images = images.reshape(len(images), data.pixels, data.channels)
    n = data.n_train
    return images[:n], labels[:n], images[n:], labels[n:]


def _contents(dataset: str, folder, download: bool) -> dict[str, bytes]:
    """The dataset's files by name, uncompressed and checked."""
    data = DATASETS[dataset]
    if folder is None:
        target = Path(os.environ.get("PTACORE_DATA") or Path.home() / ".cache/ptacore") / dataset
        folders = [target, *map(Path, data.folders)]
    else:
        target = Path(folder)
        folders = [target]

    def find():
        return {
            name: next((p for d in folders for p in (d / name, d / f"{name}.gz") if p.is_file()), None)
            for name in data.files
        }

    advice = f"put {', '.join(data.files)} (or the same with .gz) from {data.url} into {target}"
    found = find()
    if download and None in found.values():
        try:
            _download(data, [name for name, path in found.items() if path is None], target)
        except (OSError, ValueError, http.client.HTTPException, tarfile.TarError, EOFError, zlib.error) as error:
            raise FileNotFoundError(f"{dataset}: download failed ({error}); {advice}") from error
        found = find()
    missing = [name for name, path in found.items() if path is None]
    if missing:
        raise FileNotFoundError(f"{dataset}: no {', '.join(missing)}; {advice}, or pass download=True")
    try:
        return {name: _checked(path, data.files[name]) for name, path in found.items()}
    except ValueError as error:
        raise ValueError(f"{dataset}: {error}; {advice}") from error


def _checked(path: Path, sha256: str) -> bytes:
    """Content of a file, uncompressed, if it has the SHA-256."""
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path} is damaged ({error})") from error
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ValueError(f"{path} is damaged or another file (its content has SHA-256 {found}, not {sha256})")
    return content


def _download(data: Dataset, names: list[str], target: Path) -> None:
    """Fetch files into the target folder, each moved there only when it is whole and checked."""
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target, prefix=".download-") as scratch:
        if data.url.endswith("/"):
            paths = [Path(scratch) / f"{name}.gz" for name in names]
            for path in paths:
                _fetch(data.url + path.name, path)
        else:
            paths = [Path(scratch) / name for name in names]
            _fetch(data.url, Path(scratch) / "archive")
            with tarfile.open(Path(scratch) / "archive") as archive:
                members = {Path(member.name).name: member for member in archive if member.isfile()}
                for path in paths:
                    if path.name not in members:
                        raise tarfile.TarError(f"{path.name} is not in the archive")
                    with archive.extractfile(members[path.name]) as source, path.open("wb") as out:
                        shutil.copyfileobj(source, out)
        for path, name in zip(paths, names, strict=True):
            _checked(path, data.files[name])
        for path in paths:
            os.replace(path, target / path.name)


def _fetch(url: str, path: Path) -> None:
    with urlopen(url, timeout=60) as response, path.open("wb") as out:
        size = int(response.headers.get("Content-Length") or 0) or None
        with tqdm.wrapattr(response, "read", total=size, desc=url.rsplit("/", 1)[-1], leave=False) as source:
            shutil.copyfileobj(source, out)
