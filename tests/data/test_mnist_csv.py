import csv
from pathlib import Path

import numpy as np
import pytest

from jinc.data import ImageSet, load_images, mnist_csv
from jinc.errors import JincError


@pytest.fixture
def table(rng: np.random.Generator) -> np.ndarray:
    """Labels 0 to 9, and nine pixels."""
    values = rng.integers(0, 256, (40, 10), dtype=np.uint8)
    values[:, 0] = np.arange(40) % 10
    return values


def text(table: np.ndarray, end: str = "\n", comma: str = ",") -> str:
    return "".join(comma.join(map(str, row)) + end for row in table.tolist())


def check(path: Path, table: np.ndarray, **options: bool) -> ImageSet:
    found = load_images(path, **options)
    np.testing.assert_array_equal(found.images.reshape(len(table), -1), table[:, 1:])
    assert found.labels is not None
    assert [found.class_names[label] for label in found.labels] == [str(n) for n in table[:, 0]]
    assert found.image_size == (3, 3)
    return found


@pytest.mark.parametrize("header", ["", "label," + ",".join(f"p{i}" for i in range(9)) + "\n"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize(("end", "comma"), [("\n", ","), ("\r\n", ";"), ("\n", ", "), ("\n", "\t")])
def test_reads_back(tmp_path, table, header, bom, end, comma) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(bom + (header.replace(",", comma) + text(table, end, comma)).encode())
    check(path, table)


@pytest.mark.parametrize("tail", ["", "\n\n\n", "  \n"])
def test_the_end_of_the_file_does_not_matter(tmp_path, table, tail) -> None:
    path = tmp_path / "x.csv"
    path.write_text(text(table).removesuffix("\n") + tail)
    check(path, table)


def test_whole_labels_with_a_point_are_those_without(tmp_path, table) -> None:
    rows = [f"{row[0]}.0," + ",".join(map(str, row[1:])) for row in table.tolist()]
    (tmp_path / "x.csv").write_text("label" + ",p" * 9 + "\n" + "\n".join(rows))
    check(tmp_path / "x.csv", table)


def test_skip_first_eats_a_data_row_but_no_more_than_a_header(tmp_path, table) -> None:
    path = tmp_path / "x.csv"
    path.write_text(text(table))
    check(path, table[1:], skip_first=True)
    path.write_text("label" + ",p" * 9 + "\n" + text(table))
    check(path, table, skip_first=True)


PIXELS = [f"pixel{i}" for i in range(9)]


@pytest.mark.parametrize("place", [0, 4, 9])
@pytest.mark.parametrize("name", ["label", "Class", " target", "y", "digit", '"label"'])
def test_the_header_says_where_the_label_is(tmp_path, table, place, name) -> None:
    moved = np.insert(table[:, 1:], place, table[:, 0], axis=1)
    header = [*PIXELS[:place], name, *PIXELS[place:]]
    (tmp_path / "x.csv").write_text(",".join(header) + "\n" + text(moved))
    found = check(tmp_path / "x.csv", table)
    assert found.notes[0].startswith(f"labels: column {place + 1} of 10, ")


@pytest.mark.parametrize(
    "header",
    [
        ",".join(map(str, range(10))),
        ",".join(map(str, range(1, 11))),
        "label," + ",".join(map(str, range(9))),
        "5,0,0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8",  # what pandas makes of a row taken for a header
    ],
)
def test_a_header_may_hold_numbers(tmp_path, table, header) -> None:
    (tmp_path / "x.csv").write_text(header + "\n" + text(table))
    check(tmp_path / "x.csv", table)


@pytest.mark.parametrize("name", ["", "Unnamed: 0", "id"])
def test_numbers_of_rows_are_passed_over(tmp_path, table, name) -> None:
    numbered = np.insert(table.astype(int), 0, 1000 + np.arange(40), axis=1)
    header = ",".join([name, "label", *PIXELS])
    (tmp_path / "x.csv").write_text(header + "\n" + text(numbered))
    check(tmp_path / "x.csv", table)


def test_labels_may_be_words_or_have_gaps(tmp_path, table) -> None:
    names = ["cat", "dog, wild", "ärger"]
    with (tmp_path / "x.csv").open("w", newline="", encoding="utf-8") as file:
        rows = [[names[i % 3], *row[1:]] for i, row in enumerate(table.tolist())]
        csv.writer(file).writerows([row for row in rows if "," not in row[0]])
    found = load_images(tmp_path / "x.csv")
    assert found.class_names == ("cat", "ärger")
    assert found.labels is not None
    assert found.labels[:4].tolist() == [0, 1, 0, 1]
    (tmp_path / "x.csv").write_text("label,p\n1,0\n12,255\n300000000,7\n")
    assert load_images(tmp_path / "x.csv").class_names == ("1", "12", "300000000")


def test_labels_may_have_digits_of_any_script(tmp_path) -> None:
    (tmp_path / "x.csv").write_text("label,p\n٣,1\n4,2\na4,3\n²,4\n")
    assert set(load_images(tmp_path / "x.csv").class_names) == {"٣", "4", "a4", "²"}


def test_without_labels(tmp_path, table) -> None:
    for header in ("", ",".join(PIXELS) + "\n"):
        (tmp_path / "x.csv").write_text(header + text(table[:, 1:]))
        found = load_images(tmp_path / "x.csv")
        assert (found.labels, found.notes) == (None, ("no column of labels",))
        np.testing.assert_array_equal(found.images.reshape(40, 9), table[:, 1:])


@pytest.mark.parametrize("first", [0, 100])
def test_a_label_in_the_last_column_is_refused(tmp_path, table, first) -> None:
    moved = np.roll(table, -1, axis=1)
    moved[:, 0] = first + 50 * (np.arange(40) % 2) * (first > 0)
    (tmp_path / "x.csv").write_text(text(moved))
    with pytest.raises(JincError, match="the last column seems to be the label"):
        load_images(tmp_path / "x.csv")


GOOD = "1,9,3,4,5\n"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        (GOOD.replace("\n", "\r") * 3, "not a CSV file"),
        ("1," + "9" * 200_000 + "\n", "not a CSV file"),
        ("label,a,b,c,d\n", "holds no row"),
        ("1,2,3\n", "3 columns are not a label and the pixels of a square"),
        ("label,2,3\n", "3 columns are not a label and the pixels of a square"),
        ("kind,a,b,c,d\n" + GOOD, "its header must name one column label"),
        ("label,class,a,b,c,d\n" + GOOD, "its header must name one column label"),
        ("no commas at all\n", "its header must name one column|1 columns are not"),
        (GOOD * 2 + "1,2,3,4\n" + GOOD, "row 3 has 4 columns, 5 expected"),
        (GOOD + "1,2,3,4\n1,2,3,4,5,6\n", "row 2 has 4 columns, 5 expected"),
        (GOOD + "1,2,256,4,5\n", "row 2, column 3: '256' is not a whole number"),
        ("1,2,256,4,5\n" + GOOD, "row 1, column 3: '256' is not a whole number"),
        (GOOD + "\n1,2,-3,4,5\n", "row 3, column 3: '-3' is not"),
        (GOOD + "1,2,3.5,4,5\n", "row 2, column 3: '3.5' is not"),
        (GOOD + "1,2,,4,5\n", "row 2, column 3: '' is not"),
        (GOOD + "1,2,3,4,five\n", "row 2, column 5: 'five' is not"),
        (GOOD + "1,2," + "9" * 6000 + ",4,5\n", "row 2: '99999"),
        (GOOD + "1,2,\xff,4,5\n", "row 2, column 3"),
        (GOOD + "1,2,\0,4,5\n", "row 2, column 3"),
        (GOOD + ",2,3,4,5\n", "row 2 has no label"),
        (GOOD + "9" * 5000 + ",2,3,4,5\n", "a label has over 255 characters"),
        (GOOD + "a\0b,2,3,4,5\n", "class name 'a.x00b' is not text"),
        ("label,a,b,c,d\n" + GOOD + "1,2,3,4,x\n", "row 3, column 5: 'x' is not"),
        ("0.5,0.1,0.2,0.3,0.4\n" * 2, "row 2, column 2: '0.1' is not|row 1, column 2"),
    ],
)
def test_faults_name_the_row(tmp_path, data, reason) -> None:
    path = tmp_path / "x.csv"
    path.write_text(data)
    with pytest.raises(JincError, match=reason) as caught:
        load_images(path)
    assert f"{path.name}: " in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_endless_line_is_refused(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(mnist_csv, "_LONGEST_LINE", 100)
    path = tmp_path / "x.csv"
    for data in ("1," * 500, GOOD + "1" * 500):
        path.write_text(data)
        with pytest.raises(JincError, match="not a CSV file, a line has over 100"):
            load_images(path)


def test_labels_without_end_are_refused(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(mnist_csv, "MOST_CLASSES", 20)
    (tmp_path / "x.csv").write_text("".join(f"{i},0\n" for i in range(50)))
    with pytest.raises(JincError, match="over 20 different labels"):
        load_images(tmp_path / "x.csv")


def test_files_that_people_have(cases) -> None:
    last, numbers = (load_images(cases / f"{name}.csv") for name in ("label_last", "int_header"))
    np.testing.assert_array_equal(last.images, numbers.images)
    for found in (last, numbers):
        assert found.labels is not None
        assert found.labels.tolist() == [*range(10)] * 2
