"""How good a model is, in numbers."""

from jinc.metrics.bootstrap import Estimate, bootstrap_error, jackknife_error
from jinc.metrics.cifar_resnet import CifarResNet, open_cifar_resnet
from jinc.metrics.comparison import (
    CLASSICAL,
    ITERATIVE,
    ONE_STEP,
    levels_from,
    psnr_of_each,
    quick_answers,
)
from jinc.metrics.decibels import EXACT, decibels
from jinc.metrics.digit_classifier import (
    SHAPES,
    DigitClassifier,
    DigitSet,
    open_digit_classifier,
    read_digit_classifier,
    save_digit_classifier,
)
from jinc.metrics.digit_training import (
    RECIPES,
    Recipe,
    digit_accuracy,
    read_digits_of,
    train_digits,
)
from jinc.metrics.eq import eq_r, eq_t, eq_t_frac
from jinc.metrics.extractors import Extractor, ExtractorFacts
from jinc.metrics.feature_cache import cached_features, cached_statistics
from jinc.metrics.feature_statistics import Statistics
from jinc.metrics.features import Features, features_of, statistics_of
from jinc.metrics.findings import PARTS, Curve, Figure, Finding, Part, Probe
from jinc.metrics.frechet import frechet_distance, frechet_error, linearised_error
from jinc.metrics.frechet_bias import Extrapolation, extrapolated_frechet
from jinc.metrics.inception import Inception
from jinc.metrics.inception_files import open_inception, open_scripted_inception
from jinc.metrics.inception_score import ClassScore, class_score
from jinc.metrics.kernel_distance import KernelDistance, kernel_distance
from jinc.metrics.manifolds import ManifoldScores, manifold_scores
from jinc.metrics.memorised import Neighbours, neighbours_by_features, neighbours_by_pixels
from jinc.metrics.nearest import nearest
from jinc.metrics.of_networks import AtLevel, network_equivariance
from jinc.metrics.of_sampling import Sampling, moved_on_the_way, moved_start
from jinc.metrics.open_extractor import open_extractor
from jinc.metrics.probe import Subject, evaluations, probe
from jinc.metrics.scores import SCORES, Score, ScoreKind, Scores, score, score_name
from jinc.metrics.torchscript import open_torchscript

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
    "Curve",
    "DigitClassifier",
    "DigitSet",
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
    "Part",
    "Probe",
    "Recipe",
    "Sampling",
    "Score",
    "ScoreKind",
    "Scores",
    "Statistics",
    "Subject",
    "bootstrap_error",
    "cached_features",
    "cached_statistics",
    "class_score",
    "decibels",
    "digit_accuracy",
    "eq_r",
    "eq_t",
    "eq_t_frac",
    "evaluations",
    "extrapolated_frechet",
    "features_of",
    "frechet_distance",
    "frechet_error",
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
    "save_digit_classifier",
    "score",
    "score_name",
    "statistics_of",
    "train_digits",
]
