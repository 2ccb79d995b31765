"""The simple models, as scikit-learn has them, with their parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from deepwell.core.errors import UserError
from deepwell.evaluate.baselines.budget import Growth


class Candidate(NamedTuple):
    """A model to try.

    Attributes:
        name: for a person.
        build: from what its features are (``pixels``, ``numbers`` or ``words``) to a fresh estimator.
        growth: of its time with the samples.
    """

    name: str
    build: Callable[[str], Any]
    growth: Growth


def need_scikit_learn() -> None:
    """Raise where scikit-learn is not installed.

    Raises:
        UserError: names the extra.
    """
    try:
        import sklearn  # noqa: F401
    except ImportError:
        raise UserError(
            "baselines are models of scikit-learn, which is not installed",
            expected="scikit-learn 1.5 or newer",
            fix='pip install "deepwell[baselines]"',
        ) from None


def majority(features: str) -> Any:
    from sklearn.dummy import DummyClassifier

    return DummyClassifier(strategy="most_frequent")


def nearest_neighbours(features: str) -> Any:
    from sklearn.neighbors import KNeighborsClassifier

    return _scaled(features, KNeighborsClassifier(n_neighbors=5, algorithm="brute"))


def logistic_regression(features: str) -> Any:
    from sklearn.linear_model import LogisticRegression

    # rows of words have length 1, and want less of a bound than hundreds of pixels
    return _scaled(features, LogisticRegression(C=10.0 if features == "words" else 0.1, max_iter=100))


def perceptron(features: str) -> Any:
    from sklearn.linear_model import Perceptron

    return _scaled(features, Perceptron(max_iter=100, random_state=0))


def linear_svm(features: str) -> Any:
    from sklearn.svm import LinearSVC

    if features == "words":
        return LinearSVC(max_iter=1000, random_state=0)
    return _scaled(features, LinearSVC(C=0.01, dual=False, max_iter=100, random_state=0))


def rbf_svm(features: str) -> Any:
    from sklearn.svm import SVC

    return _scaled(features, SVC(C=10.0, cache_size=500, max_iter=100_000))


def _scaled(features: str, model: Any) -> Any:
    """Numbers of unknown ranges are brought to mean 0 and deviation 1; pixels and words have one range already."""
    if features != "numbers":
        return model
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), model)


_LINEAR = Growth(1.2, 0.0)
LINEAR = (
    Candidate("logistic regression", logistic_regression, _LINEAR),
    Candidate("perceptron", perceptron, _LINEAR),
    Candidate("linear SVM", linear_svm, _LINEAR),
)
MAJORITY = Candidate("majority class", majority, Growth(1.0, 0.0))
ONE_OF_SEVERAL = (
    MAJORITY,
    Candidate("k nearest neighbours", nearest_neighbours, Growth(1.0, 1.0)),
    *LINEAR,
    Candidate("RBF SVM", rbf_svm, Growth(2.0, 1.0)),
)


def _one_by_one(candidate: Candidate) -> Candidate:
    def build(features: str) -> Any:
        from sklearn.multiclass import OneVsRestClassifier

        return OneVsRestClassifier(candidate.build(features))

    return Candidate(candidate.name, build, candidate.growth)


ANY_OF_SEVERAL = (
    Candidate("majority of each label", majority, Growth(1.0, 0.0)),
    *map(_one_by_one, LINEAR),
)


def parameters(model: Any) -> str:
    """The class with what is not its default, on one line."""
    return " ".join(repr(model).split())
