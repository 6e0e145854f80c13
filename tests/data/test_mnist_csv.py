from pathlib import Path

import numpy as np
import pytest

from jinc.data import load_images, mnist_csv
from jinc.errors import JincError


@pytest.fixture
def table(rng: np.random.Generator) -> np.ndarray:
    values = rng.integers(0, 256, (40, 10), dtype=np.uint8)
    values[:, 0] %= 10
    return values


def text(table: np.ndarray, end: str = "\n", comma: str = ",") -> str:
    return "".join(comma.join(map(str, row)) + end for row in table.tolist())


def check(path: Path, table: np.ndarray, **options: bool) -> None:
    found = load_images(path, **options)
    np.testing.assert_array_equal(found.images.reshape(len(table), -1), table[:, 1:])
    np.testing.assert_array_equal(found.labels, table[:, 0])
    assert found.image_size == (3, 3)


@pytest.mark.parametrize("header", ["", "label," + ",".join(f"p{i}" for i in range(9)) + "\n"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize(("end", "comma"), [("\n", ","), ("\r\n", ","), ("\n", ", ")])
def test_reads_back(tmp_path, table, header, bom, end, comma) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(bom + (header + text(table, end, comma)).encode())
    check(path, table)


@pytest.mark.parametrize("tail", ["", "\n\n\n", "  \n"])
def test_the_end_of_the_file_does_not_matter(tmp_path, table, tail) -> None:
    path = tmp_path / "x.csv"
    path.write_text(text(table).removesuffix("\n") + tail)
    check(path, table)


@pytest.mark.parametrize("block", [41, 50, 64, 1000])
def test_blocks_join_without_a_seam(tmp_path, table, block, monkeypatch) -> None:
    monkeypatch.setattr(mnist_csv, "_BLOCK", block)
    path = tmp_path / "x.csv"
    path.write_text(text(table))
    check(path, table)


def test_skip_first_eats_a_data_row_but_no_more_than_a_header(tmp_path, table) -> None:
    path = tmp_path / "x.csv"
    path.write_text(text(table))
    check(path, table[1:], skip_first=True)
    path.write_text("label" + ",p" * 9 + "\n" + text(table))
    check(path, table, skip_first=True)


def test_labels_over_nine_add_classes(tmp_path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("1,0\n12,255\n")
    assert len(load_images(path).class_names) == 13


GOOD = "1,2,3,4,5\n"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("", "is empty"),
        ("label,a,b,c,d\n", "holds no row"),
        ("1,2,3\n", "3 columns are not a label and the pixels of a square"),
        ("no commas at all\n", "1 columns are not"),
        (GOOD * 2 + "1,2,3,4\n" + GOOD, "row 3 has 4 columns, 5 expected"),
        (GOOD + "1,2,3,4\n1,2,3,4,5,6\n", "row 2 has 4 columns, 5 expected"),
        (GOOD + "\n" + GOOD, "row 2 has 1 columns, 5 expected"),
        (GOOD + "1,2,256,4,5\n", "row 2, column 3: '256' is not a whole number"),
        (GOOD + "1,2,-3,4,5\n", "row 2, column 3: '-3' is not"),
        (GOOD + "1,2,3.5,4,5\n", "row 2, column 3: '3.5' is not"),
        (GOOD + "1,2,,4,5\n", "row 2, column 3: '' is not"),
        (GOOD + "1,2,3,4,five\n", "row 2, column 5: 'five' is not"),
        (GOOD + "1,2," + "9" * 6000 + ",4,5\n", "row 2, column 3: '99999"),
        (GOOD + "1,2,\xff,4,5\n", "row 2, column 3"),
        ("label,a,b,c,d\n" + GOOD + "1,2,3,4,x\n", "row 3, column 5: 'x' is not"),
    ],
)
def test_faults_name_the_row(tmp_path, data, reason) -> None:
    path = tmp_path / "x.csv"
    path.write_text(data)
    with pytest.raises(JincError, match=reason) as caught:
        load_images(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_an_endless_line_is_refused(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(mnist_csv, "_BLOCK", 100)
    path = tmp_path / "x.csv"
    path.write_text("1," * 500)
    with pytest.raises(JincError, match="not a CSV file"):
        load_images(path)
