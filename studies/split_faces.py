"""Split pictures of people by person, so that nobody is both trained on and tested with.

    python studies/split_faces.py FACES runs/faces-split

FACES holds a folder for each expression, and in it pictures called expression_person_….png. Every
sixth person is for testing. Pictures are linked, not copied.
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
        raise SystemExit(f"{options.faces}: no pictures called expression_person_….png")
    tested = {*people[EVERY - 1 :: EVERY]}
    for picture in pictures:
        expression, person = picture.parent.name, picture.name.split("_")[1]
        folder = options.out / ("test" if person in tested else "train") / expression
        folder.mkdir(parents=True, exist_ok=True)
        link = folder / picture.name
        if not link.is_symlink():
            link.symlink_to(picture)
    print(f"{len(people) - len(tested)} people to train on, {len(tested)} to test with")


if __name__ == "__main__":
    main()
