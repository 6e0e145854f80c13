"""What is found out about a model that is probed, as plain data."""

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, Self, TypeAlias, get_args

from jinc.metrics.equivariance.of_networks import AtLevel
from jinc.plain import without_nan
from jinc.types import Images

Part: TypeAlias = Literal["network", "sampling", "curves"]

PARTS: tuple[Part, ...] = get_args(Part)


@dataclass(frozen=True)
class Figure:
    """One figure, beside what an exactly equivariant denoiser reaches.

    Args:
        db: of the model, dB.
        floor_db: of `isotropic`, fitted to the clean images and clipped as the model is.
    """

    db: float
    floor_db: float


@dataclass(frozen=True)
class Curve:
    """Figures of generated images by how far they are moved.

    Args:
        unit: `degrees` counter-clockwise, or `pixels` down and right.
        amounts: how far, `[K]`.
        db: of the model, `[K]`.
        floor_db: of `isotropic`, `[K]`.
    """

    unit: str
    amounts: list[float] = field(default_factory=list)
    db: list[float] = field(default_factory=list)
    floor_db: list[float] = field(default_factory=list)

    def plus(self, amount: float, db: float, floor_db: float) -> Self:
        """Add a point at the end."""
        more = [*self.amounts, amount], [*self.db, db], [*self.floor_db, floor_db]
        return replace(self, amounts=more[0], db=more[1], floor_db=more[2])


@dataclass(frozen=True, eq=False)
class Finding:
    """What has been found out last.

    Args:
        part: of what.
        name: of the move, of the figure, or of the curve, which grows with each finding.
        result: for a network its levels.
        images: the first one that was moved on the way, `[1, C, H, W]`; None of other findings.
    """

    part: Part
    name: str
    result: list[AtLevel] | Figure | Curve
    images: Images | None = None


@dataclass(frozen=True)
class Probe:
    """All that was found out.

    Args:
        network: `half_pixel`, `shift`, `rotation`, `quarter_turns` and `flip` to their levels.
        sampling: `eq_t`, `eq_t_frac`, `eq_t_frac_stylegan3`, `eq_r` and `eq_r_stylegan3`.
        curves: `turned_on_the_way_unitary`, `turned_on_the_way_spline`, `turned_at_the_start` and
            `shifted_on_the_way`.
    """

    network: dict[str, list[AtLevel]] = field(default_factory=dict)
    sampling: dict[str, Figure] = field(default_factory=dict)
    curves: dict[str, Curve] = field(default_factory=dict)

    def plus(self, finding: Finding) -> Self:
        """Add a finding, or put it in the place of an earlier one of that name."""
        changed = getattr(self, finding.part) | {finding.name: finding.result}
        return replace(self, **{finding.part: changed})

    def facts(self) -> dict[str, Any]:
        """Return all of it ready for JSON; None is what is no number."""
        found: dict[str, Any] = without_nan(asdict(self))
        return found
