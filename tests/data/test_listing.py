import json
import os
import tracemalloc
import zipfile
from itertools import product
from pathlib import Path

import pytest
from PIL import Image

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
    make(tmp_path, "10.jpg", "2.jpg", "1.PNG", "a.webp", "notes.txt")
    assert listed(tmp_path) == ["1.PNG", "2.jpg", "10.jpg", "a.webp"]
    assert list_images(tmp_path).labels is None


def test_numbers_of_any_length_are_sorted_by_their_value(tmp_path) -> None:
    long = ["9" * 6000, "1" + "0" * 6000, "0" * 6000 + "7"]
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in (*long, "8"):
            archive.writestr(f"{name}.png", b"")
    names = [file.name for file in list_images(tmp_path / "a.zip").files]
    assert names == [f"{name}.png" for name in (long[2], "8", *long[:2])]
    make(tmp_path, "07.png", "7.png", "007.png")
    (tmp_path / "a.zip").unlink()
    assert listed(tmp_path) == ["007.png", "07.png", "7.png"]


def test_each_subfolder_is_a_class_however_deep(tmp_path) -> None:
    make(tmp_path, "10/a.png", "9/x/y/b.png", "9/a.png", "empty/readme.txt")
    found = list_images(tmp_path)
    assert found.class_names == ("9", "10")
    assert listed(tmp_path) == ["9/a.png", "9/x/y/b.png", "10/a.png"]
    assert found.labels == (0, 0, 1)


def test_images_beside_subfolders_mean_no_classes(tmp_path) -> None:
    make(tmp_path, "a.png", "more/b.png")
    assert (listed(tmp_path), list_images(tmp_path).labels) == (["a.png", "more/b.png"], None)


def test_hidden_names_and_empty_folders_are_passed_over_and_counted(tmp_path) -> None:
    make(tmp_path, "a/1.png", "a/._1.png", ".git/2.png", "__MACOSX/a/1.png", "a/.thumbs/3.png")
    (tmp_path / "b").mkdir()
    assert listed(tmp_path) == ["a/1.png"]
    assert list_images(tmp_path).passed_over == {"hidden": 4, "empty folders": 1}


@pytest.mark.parametrize("name", ["labels.csv", "train.TSV"])
def test_a_table_beside_pictures_that_is_not_read_is_named(tmp_path, name) -> None:
    make(tmp_path, "1.png", name)
    assert list_images(tmp_path).notes[0].startswith(f"{name} is not read")
    (tmp_path / "metadata.csv").write_text("file_name,label\n1.png,cat\n")
    assert not any("is not read" in note for note in list_images(tmp_path).notes)


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


@pytest.mark.parametrize("val", ["val", "valid", "validation", "dev", None])
def test_splits_are_entered_and_share_their_classes(tmp_path, val) -> None:
    make(tmp_path, "train/cat/1.png", "train/dog/2.png", "test/dog/3.png", "test/emu/4.png")
    if val:
        make(tmp_path, f"{val}/cat/9.png")
    train, test, both = (list_images(tmp_path, split) for split in ("train", "test", "all"))
    held = list_images(tmp_path, "val").files if val else ()
    assert train.class_names == test.class_names == both.class_names == ("cat", "dog", "emu")
    assert (train.labels, test.labels) == ((0, 1), (1, 2))
    assert both.labels == (0, 1, *[0] * len(held), 1, 2)
    assert both.files == train.files + held + test.files


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
    with pytest.raises(JincError, match="split must be one of train, val, test, all, not 'dev'"):
        list_images(tmp_path, "dev")


@pytest.mark.parametrize("inner", ["", "CelebAMask-HQ/"])
def test_celeba_hq_leaves_the_masks_alone(tmp_path, inner) -> None:
    photos = [f"{inner}CelebA-HQ-img/{n}.jpg" for n in (0, 1, 2, 10, 29999)]
    make(tmp_path, *photos[::-1], f"{inner}CelebAMask-HQ-mask-anno/0/00000_hair.png")
    assert listed(tmp_path) == photos
    assert list_images(tmp_path).labels is None


def test_no_images(tmp_path) -> None:
    make(tmp_path, "a/readme.txt")
    with pytest.raises(
        JincError, match=f"{tmp_path}: no PNG, JPEG.* images in this folder .1 .txt"
    ):
        list_images(tmp_path)


def test_an_unreadable_folder_is_named(tmp_path, monkeypatch) -> None:
    make(tmp_path, "a/1.png")

    def denied(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("jinc.data.tree.os.scandir", denied)
    with pytest.raises(JincError, match=f"{tmp_path}: Permission denied"):
        list_images(tmp_path)


def classes(root: Path, split: str = "train", **options: str) -> dict[str, str | None]:
    """Map files to classes."""
    found = list_images(root, split, **options)
    names = found.class_names
    labels = found.labels or [None] * len(found.files)
    return {
        f.relative_to(root).as_posix(): None if label is None else names[label]
        for f, label in zip(found.files, labels, strict=True)
    }


@pytest.mark.parametrize(
    ("train", "test"),
    [
        *(("training", "testing"), ("Train", "Test"), ("TRAIN", "VAL"), ("train", "valid")),
        *(("training_set", "test_set"), ("seg_train/seg_train", "seg_test/seg_test")),
        *(("train2017", "val2017"), ("train-images", "dev"), ("Trainset", "Validation")),
    ],
)
def test_splits_in_any_usual_spelling(tmp_path, train, test) -> None:
    besides = ([], ["docs/a.txt", "README"], ["masks/1.png", "logo.png"])
    for case, (inside, beside) in enumerate(product(("", "set/"), besides)):
        root = tmp_path / str(case)
        names = (f"{train}/a/1.png", f"{train}/b/2.png", f"{test}/b/3.png", *beside)
        make(root, *(inside + name for name in names))
        found = list_images(root)
        assert (found.class_names, found.labels, found.split) == (("a", "b"), (0, 1), "train")
        assert sum(found.passed_over.values()) == len(beside)
        assert len(list_images(root, "all").files) == 3


def test_two_folders_of_one_split(tmp_path) -> None:
    make(tmp_path, "train/1.png", "Training/1.png", "test/1.png")
    with pytest.raises(JincError, match="train and Training are splits, two of them alike"):
        list_images(tmp_path)


def test_only_a_validation_split_beside_train(tmp_path) -> None:
    make(tmp_path, "train/a/1.png", "valid/a/2.png")
    assert listed(tmp_path, "val") == ["valid/a/2.png"]
    with pytest.raises(JincError, match="no test split here, only train and val"):
        list_images(tmp_path, "test")


STYLEGAN = ["00000/img00000000.png", "00000/img00000001.png", "00001/img00000002.png"]


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        ([[n, i % 2] for i, n in enumerate(STYLEGAN)], "010"),
        (dict.fromkeys(STYLEGAN, 7), "777"),
        ([[n.replace("/", "\\"), [0.0, 1.0]] for n in STYLEGAN], "111"),
        ([[n, "z"] for n in (*STYLEGAN, "gone.png")], "zzz"),
    ],
)
def test_labels_in_dataset_json(tmp_path, labels, names) -> None:
    make(tmp_path, *STYLEGAN)
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": labels}))
    assert classes(tmp_path) == dict(zip(STYLEGAN, names, strict=True))
    assert list_images(tmp_path).passed_over == {}
    assert list_images(tmp_path, classes_from="none").labels is None
    assert list_images(tmp_path, classes_from="folders").class_names == ("00000", "00001")


@pytest.mark.parametrize(
    "whole", [{"labels": None}, {}, [], {"labels": [[n, [0.5]] for n in STYLEGAN]}]
)
def test_buckets_without_labels_are_no_classes(tmp_path, whole) -> None:
    make(tmp_path, *STYLEGAN)
    (tmp_path / "dataset.json").write_text(json.dumps(whole))
    found = list_images(tmp_path)
    assert found.class_names == ()
    assert "--classes-from folders makes them classes" in found.notes[-1]


@pytest.mark.parametrize(
    "names",
    [
        ["00000/00000_00000.ppm", "00000/00000_00001.ppm", "00001/00000_00000.ppm"],  # GTSRB
        ["000/val_00000293.png", "000/val_00002138.png", "001/val_00000262.png"],
        ["0/0.png", "0/1.png", "1/2.png"],
    ],
)
def test_numbered_classes_are_no_buckets(tmp_path, names) -> None:
    make(tmp_path, *names)
    assert list_images(tmp_path).class_names == tuple(sorted({n.split("/")[0] for n in names}))


@pytest.mark.parametrize(
    ("names", "doubt"),
    [
        (["testA/1.png", "trainA/1.png"], "classes called like splits: testA, trainA"),
        (["train/a/1.png", "unlabeled/a/1.png"], "classes called like splits: train"),
        (["cats/train/1.png", "dogs/test/1.png"], "in classes called like splits"),
    ],
)
def test_what_may_be_splits_is_said(tmp_path, names, doubt) -> None:
    make(tmp_path, *names)
    assert doubt in "; ".join(list_images(tmp_path).notes)


def test_a_column_of_splits_is_said(tmp_path) -> None:
    make(tmp_path, "1.png", "2.png")
    rows = "file_name,label,split\n1.png,cat,train\n2.png,dog,test\n"
    (tmp_path / "metadata.csv").write_text(rows)
    assert any("column split is not used" in note for note in list_images(tmp_path).notes)


@pytest.mark.parametrize("folder", ["train/", ""])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("metadata.csv", "file_name,label\n1.png,cat\nx/2.png,dog\n"),
        (
            "metadata.csv",
            '\ufefftext,class,file_name\n"a, b",cat,1.png\n"two\nlines",dog,x/2.png\n',
        ),
        (
            "metadata.jsonl",
            '{"file_name": "1.png", "label": "cat"}\n\n{"file_name":"x/2.png","label":"dog"}',
        ),
    ],
)
def test_labels_in_metadata(tmp_path, folder, name, text) -> None:
    make(tmp_path, f"{folder}1.png", f"{folder}x/2.png")
    (tmp_path / folder / name).write_text(text)
    if folder:
        make(tmp_path, "test/3.png")
        (tmp_path / "test" / "metadata.csv").write_text("file_name,label\n3.png,eel\n")
        assert classes(tmp_path, "test") == {"test/3.png": "eel"}
    assert classes(tmp_path) == {f"{folder}1.png": "cat", f"{folder}x/2.png": "dog"}


def test_metadata_at_the_top_labels_all_splits(tmp_path) -> None:
    make(tmp_path, "train/1.png", "test/2.png")
    rows = "file_name,breed,label\ntrain/1.png,manx,cat\ntest/2.png,pug,dog\n"
    (tmp_path / "metadata.csv").write_text(rows)
    assert classes(tmp_path, "test") == {"test/2.png": "dog"}
    assert classes(tmp_path, classes_from="column:breed") == {"train/1.png": "manx"}


def test_whole_numbers_with_a_point_are_classes_without(tmp_path) -> None:
    make(tmp_path, "1.png", "2.png")
    for labels, names in {
        ("0.0", "1"): ("0", "1"),
        ("10.", "9.00"): ("9", "10"),
        ("0.5", "1.0"): ("0.5", "1.0"),
        ("01", "1.0"): ("01", "1.0"),
    }.items():
        rows = "".join(f"{n}.png,{label}\n" for n, label in enumerate(labels, 1))
        (tmp_path / "metadata.csv").write_text("file_name,label\n" + rows)
        assert list_images(tmp_path).class_names == names


def test_label_files_that_contradict_each_other(tmp_path) -> None:
    make(tmp_path, "a/1.png")
    (tmp_path / "metadata.csv").write_text("file_name,label\na/1.png,cat\n")
    (tmp_path / "a/metadata.csv").write_text("file_name,label\n1.png,dog\n")
    with pytest.raises(JincError, match=r"another label for a/1\.png than in another label file"):
        list_images(tmp_path)


WIDE = ",".join(map(str, range(50_000)))
HEAVY = {
    "wide": ("metadata.csv", f"file_name,label,{WIDE}\n" + "x\n" * 2000, "line 2: 1 columns"),
    "long": ("metadata.csv", "file_name\n" + "x\n" * 6_000_000, "no column called label"),
    "missing": ("metadata.csv", "file_name,label\n" + "x,y\n" * 50_000, "no label for 1 of 1"),
    "empty": ("metadata.jsonl", "{}\n" * 4_000_000, "no column file_name"),
    "lists": ("dataset.json", '{"labels":[' + "[]," * 8_000_000 + "[]]}", "are too many"),
    "line": ("metadata.csv", "x," * 4_000_000, "a line has over 4,194,304 characters"),
}


@pytest.mark.parametrize(("name", "text", "says"), HEAVY.values(), ids=HEAVY)
def test_label_files_take_little_memory(tmp_path, name, text, says) -> None:
    make(tmp_path, "1.png")
    (tmp_path / name).write_text(text)
    tracemalloc.start()
    try:
        said = "; ".join(list_images(tmp_path).notes)
    except JincError as error:
        said = str(error)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert says in said
    assert most < 200 << 20


def test_many_rows_of_images_that_are_not_here_are_counted(tmp_path) -> None:
    make(tmp_path, "1.png")
    rows = "".join(f"{n}.png,{n % 7}\n" for n in range(1, 10_000))
    (tmp_path / "metadata.csv").write_text("file_name,label\n" + rows)
    notes = list_images(tmp_path).notes
    assert notes == ("classes from metadata.csv, 9998 of its images are not here",)


def test_captions_are_no_classes(tmp_path) -> None:
    make(tmp_path, "1.png")
    (tmp_path / "metadata.csv").write_text("file_name,text\n1.png,a cat\n")
    found = list_images(tmp_path)
    assert found.labels is None
    assert found.notes == ("metadata.csv has no column called label, labels, class or the like",)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("dataset.json", "{", "dataset.json: damaged"),
        ("dataset.json", "[" * 100_000, "dataset.json: damaged"),
        ("dataset.json", '{"labels": [["1.png"]]}', "not a list of .file name, label"),
        ("dataset.json", '{"labels": "x"}', "not a list of .file name, label"),
        ("dataset.json", '{"labels": [], "labels": []}', "labels is there twice"),
        ("dataset.json", '{"labels": [["1.png", 0], ["1.png", 1]]}', "entry 2: another label for"),
        ("dataset.json", '{"labels": [["2.png", 0]]}', "no label for 1 of 1 images, as 1.png"),
        ("metadata.csv", "file_name,label\n2.png,cat\n", "no label for 1 of 1 images, as 1.png"),
        (
            "metadata.csv",
            "file_name,label\n1.png\n",
            "metadata.csv: line 2: 1 columns, 2 expected",
        ),
        ("metadata.csv", "file_name,label\n\n1.png,0,1\n", "csv: line 3: 3 columns, 2 expected"),
        ("metadata.csv", "file_name,label,label\n1.png,0,1\n", "column label is there twice"),
        ("metadata.csv", "file_name,label\n1.png,0\n./1.png,1\n", "line 3: another label .*: 0, 1"),
        (
            "metadata.csv",
            "version https://git-lfs.github.com/spec/v1\n",
            "a Git LFS pointer; fetch",
        ),
        ("dataset.json", "<!DOCTYPE html><html>", "no labels but a saved web page"),
        (
            "metadata.csv",
            "file_name,label\n1.png," + "x" * 256,
            "line 2: a label has over 255 characters",
        ),
        (
            "dataset.json",
            '{"labels": [["1.png", "%s"]]}' % ("x" * 256),
            "entry 1: a label has over",
        ),
        ("metadata.csv", "file_name,label\n1.png," + "9" * 5000, "a label has over 255"),
        (
            "metadata.jsonl",
            '{"file_name": "1.png", "label": 1, "label": 2}',
            "label is there twice",
        ),
        (
            "metadata.jsonl",
            '{"file_name": "1.png", "label": 1}\n{}',
            "line 2: has no file_name and",
        ),
        ("metadata.csv", "file_name,label\n1.png,\0\xff", "metadata.csv: damaged"),
        ("metadata.jsonl", "[1]", "metadata.jsonl: damaged .line 1 is no object"),
        ("metadata.jsonl", '{"file_name": "1.png", "label": [1, 2]}', "is not one number or text"),
    ],
)
def test_files_of_labels_that_cannot_be_right(tmp_path, name, text, says) -> None:
    make(tmp_path, "1.png")
    (tmp_path / name).write_text(text, encoding="latin-1")
    with pytest.raises(JincError, match=says) as caught:
        list_images(tmp_path)
    assert str(caught.value).startswith(str(tmp_path / name))


def test_classes_in_file_names(tmp_path) -> None:
    make(tmp_path, "cat_001.png", "dog.2.jpg", "cat (3).png", "n01440764_10026.JPEG", "x/eel12.png")
    found = list_images(tmp_path, classes_from="names")
    assert found.class_names == ("cat", "dog", "eel", "n01440764")
    for name in ("001.png", "002.png"):
        make(tmp_path / "numbers", name)
        make(tmp_path / "words", f"{'abc'[int(name[2])]}.png")
    for folder in ("numbers", "words"):
        with pytest.raises(JincError, match="does not begin with a class, as cat_001"):
            list_images(tmp_path / folder, classes_from="names")


@pytest.mark.parametrize("source", ["", "file", "columns:x"])
def test_an_unknown_source_of_classes(tmp_path, source) -> None:
    with pytest.raises(JincError, match="classes_from: "):
        list_images(tmp_path, classes_from=source)
    make(tmp_path, "1.png")
    with pytest.raises(JincError, match="there is no metadata"):
        list_images(tmp_path, classes_from="column:breed")


def test_images_without_a_known_ending_are_recognised_by_content(tmp_path) -> None:
    make(
        tmp_path, "a/1.JFIF", "a/2.jpe", "a/x.heic", "a/notes.txt", "b/raw.nef", "b/3.bmp", "a/pipe"
    )
    (tmp_path / "a/pipe").unlink()
    os.mkfifo(tmp_path / "a/pipe")
    for place, (name, kind) in enumerate(
        {"b/9": "png", "b/8.dat": "jpeg", "b/7.img": "tiff"}.items()
    ):
        Image.new("L", (3, 3)).save(tmp_path / name, kind)
        assert listed(tmp_path)[-1 - place] == name
    (tmp_path / "b/text.dat").write_text("no image")
    (tmp_path / "b/raw.nef").write_bytes((tmp_path / "b/7.img").read_bytes())  # a TIFF inside
    assert listed(tmp_path) == ["a/1.JFIF", "a/2.jpe", "b/3.bmp", "b/7.img", "b/8.dat", "b/9"]
    counts = {".heic": 1, ".txt": 1, ".nef": 1, ".dat": 1, "without an ending": 1}
    assert list_images(tmp_path).passed_over == counts


def test_ordinary_files_are_not_opened(tmp_path, monkeypatch) -> None:
    make(tmp_path, "a/1.png", "a/1.txt", "a/1.json", "a/1.xml", "b/2.jpg", "b/2.nef")
    monkeypatch.setattr("jinc.data.tree.first_bytes", None)
    assert len(list_images(tmp_path).files) == 2


@pytest.mark.parametrize("name", ["1.heic", "1.nef", "1", "1.svg"])
def test_a_class_that_cannot_be_read_is_an_error(tmp_path, name) -> None:
    make(tmp_path, "cat/1.png", f"dog/{name}", "docs/LICENSE", "docs/labels.csv")
    (tmp_path / "dog" / name).write_bytes(b"\0\0\0\x18ftypheic")
    with pytest.raises(
        JincError, match=f"{tmp_path}/dog: none of its 1 files is an image that can"
    ):
        list_images(tmp_path)


def test_a_class_whose_name_is_not_text_is_escaped(tmp_path) -> None:
    for name in (b"caf\xe9", b"caf\xe8", b"a\nb"):
        (tmp_path / os.fsdecode(name)).mkdir()
        (tmp_path / os.fsdecode(name) / "1.png").touch()
    names = list_images(tmp_path).class_names
    assert names == (r"a\nb", r"caf\udce8", r"caf\udce9")
    json.dumps(names).encode()
