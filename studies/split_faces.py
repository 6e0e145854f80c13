"""Split photographs of people by person, so that nobody is in both training and test set.

    python studies/split_faces.py FACES runs/faces-split

FACES has one folder per expression, with images called expression_person_….png. Every sixth person
is in the test set. Images are linked, not copied.
"""

import argparse
from pathlib import Path

EVERY = 6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("faces", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    pictures = sorted(options.faces.resolve().glob("*/*_*"))
    people = sorted({picture.name.split("_")[1] for picture in pictures})
    if not people:
        raise SystemExit(f"{options.faces}: no images called expression_person_….png")
    tested = {*people[EVERY - 1 :: EVERY]}
    for picture in pictures:
        expression, person = picture.parent.name, picture.name.split("_")[1]
        folder = options.out / ("test" if person in tested else "train") / expression
        folder.mkdir(parents=True, exist_ok=True)
        link = folder / picture.name
        if not link.is_symlink():
            link.symlink_to(picture)
    print(f"people: {len(people) - len(tested)} for training, {len(tested)} for testing")


if __name__ == "__main__":
    main()
