"""How good a model is, in numbers."""

from jinc.metrics.comparison import (
    CLASSICAL,
    ITERATIVE,
    ONE_STEP,
    levels_from,
    psnr_of_each,
    quick_answers,
)
from jinc.metrics.decibels import EXACT, decibels
from jinc.metrics.equivariance.eq import (
    eq_r,
    eq_r_stylegan3,
    eq_t,
    eq_t_frac,
    eq_t_frac_stylegan3,
)
from jinc.metrics.equivariance.findings import PARTS, Curve, Figure, Finding, Part, Probe
from jinc.metrics.equivariance.of_networks import AtLevel, network_equivariance
from jinc.metrics.equivariance.of_sampling import Sampling, moved_on_the_way, moved_start
from jinc.metrics.equivariance.probe import Subject, evaluations, probe
from jinc.metrics.features.cache import cached_features
from jinc.metrics.features.cifar_resnet import CifarResNet, open_cifar_resnet
from jinc.metrics.features.digit_classifier import (
    SHAPES,
    DigitClassifier,
    DigitSet,
    open_digit_classifier,
    read_digit_classifier,
    save_digit_classifier,
)
from jinc.metrics.features.digit_training import (
    RECIPES,
    Recipe,
    digit_accuracy,
    read_digits_of,
    train_digits,
)
from jinc.metrics.features.extractors import Extractor, ExtractorFacts
from jinc.metrics.features.features import Features, features_of
from jinc.metrics.features.inception import Inception
from jinc.metrics.features.inception_files import open_inception, open_scripted_inception
from jinc.metrics.features.open_extractor import open_extractor
from jinc.metrics.features.reference import (
    Reference,
    is_reference,
    read_reference,
    reference_of,
)
from jinc.metrics.features.statistics import Statistics
from jinc.metrics.features.torchscript import open_torchscript
from jinc.metrics.over_seeds import Column, Entry, OverSeeds
from jinc.metrics.scores.bootstrap import Estimate, bootstrap_error, jackknife_error
from jinc.metrics.scores.frechet import frechet_distance, frechet_error, linearised_error
from jinc.metrics.scores.frechet_bias import Extrapolation, extrapolated_frechet
from jinc.metrics.scores.inception_score import ClassScore, class_score
from jinc.metrics.scores.kernel_distance import KernelDistance, kernel_distance
from jinc.metrics.scores.manifolds import ManifoldScores, manifold_scores
from jinc.metrics.scores.memorised import Neighbours, neighbours_by_features, neighbours_by_pixels
from jinc.metrics.scores.nearest import nearest
from jinc.metrics.scores.needs import check_reference, check_scores
from jinc.metrics.scores.scores import SCORES, Score, ScoreKind, Scores, score, score_name

__all__ = [
    "CLASSICAL",
    "EXACT",
    "ITERATIVE",
    "ONE_STEP",
    "PARTS",
    "RECIPES",
    "SCORES",
    "SHAPES",
    "AtLevel",
    "CifarResNet",
    "ClassScore",
    "Column",
    "Curve",
    "DigitClassifier",
    "DigitSet",
    "Entry",
    "Estimate",
    "Extractor",
    "ExtractorFacts",
    "Extrapolation",
    "Features",
    "Figure",
    "Finding",
    "Inception",
    "KernelDistance",
    "ManifoldScores",
    "Neighbours",
    "OverSeeds",
    "Part",
    "Probe",
    "Recipe",
    "Reference",
    "Sampling",
    "Score",
    "ScoreKind",
    "Scores",
    "Statistics",
    "Subject",
    "bootstrap_error",
    "cached_features",
    "check_reference",
    "check_scores",
    "class_score",
    "decibels",
    "digit_accuracy",
    "eq_r",
    "eq_r_stylegan3",
    "eq_t",
    "eq_t_frac",
    "eq_t_frac_stylegan3",
    "evaluations",
    "extrapolated_frechet",
    "features_of",
    "frechet_distance",
    "frechet_error",
    "is_reference",
    "jackknife_error",
    "kernel_distance",
    "levels_from",
    "linearised_error",
    "manifold_scores",
    "moved_on_the_way",
    "moved_start",
    "nearest",
    "neighbours_by_features",
    "neighbours_by_pixels",
    "network_equivariance",
    "open_cifar_resnet",
    "open_digit_classifier",
    "open_extractor",
    "open_inception",
    "open_scripted_inception",
    "open_torchscript",
    "probe",
    "psnr_of_each",
    "quick_answers",
    "read_digit_classifier",
    "read_digits_of",
    "read_reference",
    "reference_of",
    "save_digit_classifier",
    "score",
    "score_name",
    "train_digits",
]
