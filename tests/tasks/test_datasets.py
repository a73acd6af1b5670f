import gzip
import hashlib
import io
import tarfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptacore.tasks import DATASETS, load_images, parse_cifar, parse_idx
from ptacore.tasks.datasets import Dataset

IMAGES = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3]) + bytes(
    [0, 1, 2, 3, 4, 5, 255, 254, 253, 252, 251, 250]
)
LABELS = bytes([0, 0, 8, 1, 0, 0, 0, 2]) + bytes([7, 9])
TEST_IMAGES = bytes([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3]) + bytes([9, 8, 7, 6, 5, 4])
TEST_LABELS = bytes([0, 0, 8, 1, 0, 0, 0, 1]) + bytes([3])
TINY = {"train-images": IMAGES, "train-labels": LABELS, "test-images": TEST_IMAGES, "test-labels": TEST_LABELS}
CIFAR = {"data_batch_1.bin": bytes([3] + [10] * 1024 + [20] * 1024 + [30] * 1024), "test_batch.bin": bytes(3073)}


def sums(files):
    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    """A dataset "tiny" of 2 + 1 images, 2 x 3; its gzipped files to be fetched from the folder `source`."""
    source = tmp_path / "source"
    source.mkdir()
    for name, content in TINY.items():
        (source / f"{name}.gz").write_bytes(gzip.compress(content))
    monkeypatch.setitem(DATASETS, "tiny", Dataset(2, 1, pixels=6, url=source.as_uri() + "/", files=sums(TINY)))
    return source


def check_tiny(folder):
    images, labels, test_images, test_labels = load_images("tiny", folder)
    assert images[..., 0].tolist() == [[0, 1, 2, 3, 4, 5], [255, 254, 253, 252, 251, 250]]
    assert test_images.tolist() == [[[9], [8], [7], [6], [5], [4]]]
    assert (labels.tolist(), test_labels.tolist()) == ([7, 9], [3])


def test_bytes_written_by_hand():
    assert parse_idx(IMAGES).tolist() == [[[0, 1, 2], [3, 4, 5]], [[255, 254, 253], [252, 251, 250]]]
    assert parse_idx(LABELS).tolist() == [7, 9]
    images, labels = parse_cifar(CIFAR["data_batch_1.bin"] + bytes([9]) + bytes(range(256)) * 12)
    assert labels.tolist() == [3, 9]
    assert (images[0] == [10, 20, 30]).all()
    assert images[1, 5].tolist() == [5, 5, 5]
    assert images[1, 300].tolist() == [300 - 256] * 3


@given(shape=st.lists(st.integers(0, 5), min_size=1, max_size=4), seed=st.integers(0, 2**32 - 1))
def test_any_array_survives_and_any_missing_or_extra_byte_is_noticed(shape, seed):
    array = np.random.default_rng(seed).integers(256, size=shape, dtype=np.uint8)
    content = bytes([0, 0, 8, len(shape)]) + b"".join(n.to_bytes(4, "big") for n in shape) + array.tobytes()
    assert np.array_equal(parse_idx(content), array)
    for wrong in (content[:-1], content + b"\0"):
        with pytest.raises(ValueError, match="^here: "):
            parse_idx(wrong, "here")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it begins with nothing"),
        (b"\0\0\x08", "not an IDX file"),
        (b"\x1f\x8b\x08\0" + IMAGES, "not an IDX file of unsigned bytes, it begins with 1f 8b 08 00"),
        (b"\0\0\x0d" + IMAGES[3:], "not an IDX file of unsigned bytes"),
        (IMAGES[:10], "ends within its header, after 10 bytes"),
        (IMAGES[:20], "expected 28 bytes for shape (2, 2, 3), got 20"),
        (bytes([0, 0, 8, 3]) + b"\xff" * 12, "expected 79,228,162,458,924,105,385,300,197,391 bytes"),
    ],
)
def test_what_is_no_idx_file_is_refused(content, message):
    with pytest.raises(ValueError, match="^train: ") as error:
        parse_idx(content, "train")
    assert message in str(error.value)


@pytest.mark.parametrize("content", [b"", bytes(3072), bytes(3074), bytes([10]) + bytes(3072)])
def test_what_is_no_cifar_file_is_refused(content):
    with pytest.raises(ValueError, match="^batch: expected "):
        parse_cifar(content, "batch")


def test_files_are_read_gzipped_or_not(tiny, tmp_path):
    check_tiny(tiny)
    plain = tmp_path / "plain"
    plain.mkdir()
    for name, content in TINY.items():
        (plain / name).write_bytes(content)
    check_tiny(plain)


def test_files_are_found_by_the_environment_and_where_packages_put_them(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("PTACORE_DATA", str(tmp_path / "data"))
    with pytest.raises(FileNotFoundError, match=str(tmp_path / "data" / "tiny")):
        check_tiny(None)
    (tmp_path / "data").mkdir()
    tiny.rename(tmp_path / "data" / "tiny")
    check_tiny(None)
    data = Dataset(2, 1, pixels=6, files=sums(TINY), folders=(str(tmp_path / "data" / "tiny"),))
    monkeypatch.setitem(DATASETS, "tiny", data)
    monkeypatch.setenv("PTACORE_DATA", str(tmp_path / "nowhere"))
    check_tiny(None)


def test_missing_files_are_named_with_their_place_and_source(tiny):
    (tiny / "test-labels.gz").unlink()
    with pytest.raises(FileNotFoundError) as error:
        load_images("tiny", tiny)
    assert str(error.value).startswith("tiny: no test-labels; put ")
    assert f"into {tiny}" in str(error.value)
    assert tiny.as_uri() in str(error.value)
    assert "download=True" in str(error.value)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda content: content[:-9], "is damaged"),
        (lambda content: content[:20] + bytes(4) + content[24:], "is damaged"),
        (lambda content: b"<html>", "is damaged"),
        (lambda content: gzip.compress(LABELS), "is damaged or another file"),
    ],
    ids=["truncated", "overwritten", "not gzip", "another file"],
)
def test_damaged_files_are_refused_on_disk_and_never_downloaded(tiny, tmp_path, damage, message):
    path = tiny / "train-images.gz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=f"^tiny: {path} {message}.* put train-images"):
        load_images("tiny", tiny)
    target = tmp_path / "target"
    with pytest.raises(FileNotFoundError, match=f"^tiny: download failed .*{message}.*into {target}"):
        load_images("tiny", target, download=True)
    assert list(target.iterdir()) == []


def test_a_download_fetches_what_is_missing_and_is_checked(tiny, tmp_path):
    target = tmp_path / "new" / "target"
    with pytest.raises(FileNotFoundError, match="^tiny: no train-images, "):
        load_images("tiny", target)
    load_images("tiny", target, download=True)
    assert sorted(path.name for path in target.iterdir()) == sorted(f"{name}.gz" for name in TINY)
    check_tiny(target)
    (target / "test-labels.gz").unlink()
    for path in tiny.iterdir():
        if path.name != "test-labels.gz":
            path.unlink()  # what is there is not fetched again
    load_images("tiny", target, download=True)
    check_tiny(target)


def test_offline_says_which_files_to_put_where(monkeypatch, tmp_path):
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setitem(DATASETS, "tiny", Dataset(2, 1, pixels=6, url="http://127.0.0.1:1/", files=sums(TINY)))
    with pytest.raises(FileNotFoundError) as error:
        load_images("tiny", tmp_path / "data", download=True)
    assert "download failed" in str(error.value)
    assert f"put {', '.join(TINY)} (or the same with .gz) from http://127.0.0.1:1/ into {tmp_path}" in str(error.value)


def test_an_interrupted_download_leaves_nothing(tiny, tmp_path, monkeypatch):
    def interrupted(source, out):
        out.write(source.read(5))
        raise KeyboardInterrupt

    monkeypatch.setattr("shutil.copyfileobj", interrupted)
    with pytest.raises(KeyboardInterrupt):
        load_images("tiny", tmp_path / "data", download=True)
    assert list((tmp_path / "data").iterdir()) == []


def test_cifar_is_unpacked_from_its_archive(monkeypatch, tmp_path):
    archive = tmp_path / "cifar.tar.gz"

    def pack(files):
        with tarfile.open(archive, "w:gz") as tar:
            for name, content in files.items():
                member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))

    data = Dataset(1, 1, pixels=1024, channels=3, url=archive.as_uri(), files=sums(CIFAR))
    monkeypatch.setitem(DATASETS, "small", data)
    pack({"data_batch_1.bin": CIFAR["data_batch_1.bin"]})
    with pytest.raises(FileNotFoundError, match="test_batch.bin is not in the archive"):
        load_images("small", tmp_path / "data", download=True)
    archive.write_bytes(b"not an archive")
    with pytest.raises(FileNotFoundError, match="download failed"):
        load_images("small", tmp_path / "data", download=True)
    assert list((tmp_path / "data").iterdir()) == []
    pack(CIFAR)
    load_images("small", tmp_path / "data", download=True)
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == sorted(CIFAR)
    images, labels, test_images, _ = load_images("small", tmp_path / "data")
    assert images.shape == test_images.shape == (1, 1024, 3)
    assert (images[0] == [10, 20, 30]).all()
    assert labels.tolist() == [3]


def test_an_unknown_dataset_lists_the_known_ones():
    with pytest.raises(ValueError, match="^dataset: expected one of digits, mnist, fashion-mnist, cifar10, got 'x'"):
        load_images("x")
