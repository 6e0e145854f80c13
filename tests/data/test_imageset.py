import numpy as np
import pytest
import torch

from jinc.data import ImageSet, concatenate
from jinc.errors import JincError


@pytest.fixture
def some(rng: np.random.Generator) -> ImageSet:
    images = rng.integers(0, 256, (6, 4, 5, 3), dtype=np.uint8)
    return ImageSet(images, np.array([0, 1, 2, 0, 1, 2]), ("a", "b", "c"), "some")


def test_sizes(some: ImageSet) -> None:
    assert (len(some), some.channels, some.image_size) == (6, 3, (4, 5))


@pytest.mark.parametrize("kind", [list, np.array, torch.tensor])
def test_batch_gathers_the_given_indices(some: ImageSet, kind: type) -> None:
    batch = some.batch(kind([4, 0, 4]))
    assert batch.dtype == torch.uint8
    np.testing.assert_array_equal(batch.permute(0, 2, 3, 1), some.images[[4, 0, 4]])


def test_a_batch_is_a_copy(some: ImageSet) -> None:
    before = some.images.copy()
    some.batch([1, 2]).zero_()
    np.testing.assert_array_equal(some.images, before)


def test_batch_of_a_read_only_set_is_writable(some: ImageSet) -> None:
    some.images.flags.writeable = False
    some.batch([0]).zero_()


def test_subset_keeps_labels_and_class_names(some: ImageSet) -> None:
    for part in (some.subset(slice(0, 4, 3)), some.subset([0, 3])):
        np.testing.assert_array_equal(part.images, some.images[[0, 3]])
        assert part.labels is not None
        assert part.labels.tolist() == [0, 0]
        assert part.class_names == some.class_names
    assert len(some.subset([])) == 0
    with pytest.raises(TypeError, match="not a mask"):
        some.subset([True, False])


def test_concatenate_undoes_subset(some: ImageSet) -> None:
    whole = concatenate([some.subset(slice(2)), some.subset(slice(2, None))], "whole")
    np.testing.assert_array_equal(whole.images, some.images)
    np.testing.assert_array_equal(whole.labels, some.labels)
    assert whole.name == "whole"


def test_concatenate_refuses_other_sizes(some: ImageSet) -> None:
    with pytest.raises(JincError, match="differ in image size"):
        concatenate([some, ImageSet(some.images[:, :3], some.labels, some.class_names, "")], "x")


def test_concatenate_joins_classes_by_name(some: ImageSet) -> None:
    other = ImageSet(some.images, some.labels, ("c", "d", "a"), "", notes=("read",))
    whole = concatenate([some, other], "x")
    assert whole.labels is not None
    assert whole.class_names == ("a", "b", "c", "d")
    assert whole.labels.tolist() == [0, 1, 2, 0, 1, 2, 2, 3, 0, 2, 3, 0]
    assert whole.notes == whole.subset([0]).notes == ("read",)


@pytest.mark.parametrize(
    ("images", "labels", "names", "reason"),
    [
        (np.zeros((2, 4, 4), np.uint8), None, (), "images must be uint8"),
        (np.zeros((2, 4, 4, 1), np.float32), None, (), "images must be uint8"),
        (np.zeros((2, 4, 4, 2), np.uint8), None, (), "images must be uint8"),
        (np.zeros((2, 0, 4, 1), np.uint8), None, (), "hold nothing"),
        (np.zeros((2, 4, 4, 1), np.uint8), np.zeros(3, np.int64), ("a",), "labels must be"),
        (np.zeros((2, 4, 4, 1), np.uint8), np.zeros(2, np.int32), ("a",), "labels must be"),
        (np.zeros((2, 4, 4, 1), np.uint8), np.array([0, 1]), ("a",), "labels 0 to 1 for 1"),
        (np.zeros((2, 4, 4, 1), np.uint8), np.array([-1, 0]), ("a",), "labels -1 to 0"),
        (np.zeros((2, 4, 4, 1), np.uint8), None, ("a",), "names without labels"),
        (np.zeros((2, 4, 4, 1), np.uint8), np.array([0, 1]), ("a", "a"), "two classes"),
        (np.zeros((2, 4, 4, 1), np.uint8), np.array([0, 0]), ("\udcff",), "is not text"),
        (np.zeros((2, 4, 4, 1), np.uint8), np.array([0, 0]), ("a\0b",), "is not text"),
    ],
)
def test_disagreement_is_refused(images, labels, names, reason) -> None:
    with pytest.raises(JincError, match=f"bad: .*{reason}"):
        ImageSet(images, labels, names, "bad")
