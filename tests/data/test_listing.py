from pathlib import Path

import pytest

from jinc.data import list_images
from jinc.errors import JincError


def make(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def listed(root: Path, split: str = "train") -> list[str]:
    return [file.relative_to(root).as_posix() for file in list_images(root, split).files]


def test_natural_order_and_no_classes_when_flat(tmp_path) -> None:
    make(tmp_path, "10.jpg", "2.jpg", "1.PNG", "a.webp", "notes.txt", "b.gif")
    assert listed(tmp_path) == ["1.PNG", "2.jpg", "10.jpg", "a.webp"]
    assert list_images(tmp_path).labels is None


def test_each_subfolder_is_a_class_however_deep(tmp_path) -> None:
    make(tmp_path, "10/a.png", "9/x/y/b.png", "9/a.png", "empty/readme.txt")
    found = list_images(tmp_path)
    assert found.class_names == ("9", "10")
    assert listed(tmp_path) == ["9/a.png", "9/x/y/b.png", "10/a.png"]
    assert found.labels == (0, 0, 1)


def test_images_beside_subfolders_mean_no_classes(tmp_path) -> None:
    make(tmp_path, "a.png", "more/b.png")
    assert (listed(tmp_path), list_images(tmp_path).labels) == (["a.png", "more/b.png"], None)


def test_hidden_names_are_passed_over(tmp_path) -> None:
    make(tmp_path, "a/1.png", "a/._1.png", ".git/2.png", "__MACOSX/a/1.png", "a/.thumbs/3.png")
    assert listed(tmp_path) == ["a/1.png"]


def test_a_folder_named_like_an_image_is_a_folder(tmp_path) -> None:
    make(tmp_path, "x.png/1.png")
    assert list_images(tmp_path).class_names == ("x.png",)


def test_links_are_followed_once_and_loops_end(tmp_path) -> None:
    make(tmp_path, "set/a/1.png", "elsewhere/2.png")
    (tmp_path / "set/a/loop").symlink_to(tmp_path / "set")
    (tmp_path / "set/a/self").symlink_to(".")
    (tmp_path / "set/b").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "set/c").symlink_to(tmp_path / "elsewhere")
    assert listed(tmp_path / "set") == ["a/1.png", "b/2.png"]


@pytest.mark.parametrize("other", ["val", None])
def test_splits_are_entered_and_share_their_classes(tmp_path, other) -> None:
    make(tmp_path, "train/cat/1.png", "train/dog/2.png", "test/dog/3.png", "test/emu/4.png")
    if other:
        make(tmp_path, f"{other}/cat/9.png")
    train, test, both = (list_images(tmp_path, split) for split in ("train", "test", "all"))
    assert train.class_names == test.class_names == both.class_names == ("cat", "dog", "emu")
    assert (train.labels, test.labels, both.labels) == ((0, 1), (1, 2), (0, 1, 1, 2))
    assert both.files == train.files + test.files


def test_flat_splits_have_no_classes(tmp_path) -> None:
    make(tmp_path, "train/1.png", "test/2.png")
    assert (listed(tmp_path), listed(tmp_path, "test")) == (["train/1.png"], ["test/2.png"])
    assert list_images(tmp_path, "all").labels is None


def test_train_and_test_among_others_are_classes(tmp_path) -> None:
    make(tmp_path, "train/1.png", "boat/2.png")
    assert list_images(tmp_path).class_names == ("boat", "train")


@pytest.mark.parametrize("names", [("a/1.png",), ("train/1.png",), ("CelebA-HQ-img/0.jpg",)])
def test_missing_split(tmp_path, names) -> None:
    make(tmp_path, *names)
    with pytest.raises(JincError, match=f"{tmp_path}: there is no test split here, only train"):
        list_images(tmp_path, "test")


def test_unknown_split(tmp_path) -> None:
    make(tmp_path, "1.png")
    with pytest.raises(JincError, match="split must be one of train, test, all, not 'val'"):
        list_images(tmp_path, "val")


@pytest.mark.parametrize("inner", ["", "CelebAMask-HQ/"])
def test_celeba_hq_leaves_the_masks_alone(tmp_path, inner) -> None:
    photos = [f"{inner}CelebA-HQ-img/{n}.jpg" for n in (0, 1, 2, 10, 29999)]
    make(tmp_path, *photos[::-1], f"{inner}CelebAMask-HQ-mask-anno/0/00000_hair.png")
    assert listed(tmp_path) == photos
    assert list_images(tmp_path).labels is None


def test_no_images(tmp_path) -> None:
    make(tmp_path, "a/readme.txt")
    with pytest.raises(JincError, match=f"{tmp_path}: no PNG, JPEG or WebP images"):
        list_images(tmp_path)


def test_an_unreadable_folder_is_named(tmp_path, monkeypatch) -> None:
    make(tmp_path, "a/1.png")

    def denied(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", denied)
    with pytest.raises(JincError, match=f"{tmp_path}: Permission denied"):
        list_images(tmp_path)
