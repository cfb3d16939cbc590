"""Everything that a loop is predicted and simulated to be, as arrays and texts by name."""

import warnings

import numpy as np

import modelcollapse as mc

MAPPINGS = ("expected", "variances", "laws", "limits", "exponents", "fates")
DEVIATIONS = np.array([-2.0, -0.5, 0.0, 0.5, 2.0])
FUNCTIONS = ("cdf", "pdf", "characteristic_function")
FEW = 6  # generations that are recorded one and all
SEPARATOR = " / "


def observed(case):
    """Return what a loop does: from names such as "simulate / variance" to arrays and texts.

    Floating-point errors but underflow, and warnings, are exceptions, as in the tests.
    """
    found = {}
    with np.errstate(all="raise", under="ignore"), warnings.catch_warnings():
        warnings.simplefilter("error")
        experiment = _tried(found, "experiment", case.build)
        if experiment is None:
            return found
        prediction = _tried(found, "predict", lambda: mc.predict(experiment))
        if prediction is not None:
            _predicted(found, prediction)
        runs = _tried(found, "simulate", lambda: mc.simulate(experiment, **case.arguments()))
        for name in sorted(runs or ()):
            key = SEPARATOR.join(("simulate", name))
            values = _tried(found, key, lambda name=name: runs[name])
            if values is not None:
                found[key] = np.asarray(values)
    return found


def generations_kept(count):
    """Return the generations, counted from 1, of which predictions are kept."""
    if count <= FEW:
        return list(range(1, count + 1))
    return sorted({1, 2, count // 2, count - 1, count})


def _tried(found, key, compute):
    """Return the result, or record the error under the key and return None."""
    try:
        return compute()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what the package does
        found[key] = f"{type(error).__name__}: {error}"
        return None


def _predicted(found, prediction):
    count = prediction.experiment.generations
    for mapping in MAPPINGS:
        values = getattr(prediction, mapping)
        for name in sorted({*values, *values.reasons}):
            key = SEPARATOR.join((mapping, name))
            value = _tried(found, key, lambda v=values, n=name: v[n])
            if name in values and name in values.reasons:
                found[SEPARATOR.join((mapping, name, "reason"))] = values.reasons[name]
            if value is not None:
                _described(found, key, value, count)
    for name, text in prediction.notes.items():
        found[SEPARATOR.join(("notes", name))] = text
    for name, text in prediction.reasons.items():
        found[SEPARATOR.join(("reasons", name))] = text
    for name, pair in prediction.bounds.items():
        found[SEPARATOR.join(("bounds", name))] = np.array(pair)


def _described(found, key, value, count):
    if isinstance(value, mc.kde.Fate):
        for part in ("verdict", "rate", "reason"):
            found[SEPARATOR.join((key, part))] = getattr(value, part)
    elif key.startswith("laws"):
        found[SEPARATOR.join((key, "length"))] = np.array(float(len(value)))
        for index in sorted({0, len(value) - 1} if len(value) else ()):
            _law(found, SEPARATOR.join((key, "first" if index == 0 else "last")), value[index])
    else:
        array = np.asarray(value)
        if array.shape[:1] == (count,) and count > FEW:
            array = array[np.array(generations_kept(count)) - 1]
        found[key] = array


def _law(found, key, law):
    """Record a law's moments, and its functions at a few points around its mean."""
    moments = {part: _tried(found, f"{key}{SEPARATOR}{part}", lambda p=part: getattr(law, p))
               for part in ("mean", "variance")}  # fmt: skip
    for part, value in moments.items():
        if value is not None:
            found[f"{key}{SEPARATOR}{part}"] = np.array(value)
    if any(value is None or not np.isfinite(value) for value in moments.values()):
        points = DEVIATIONS
    else:
        points = moments["mean"] + np.sqrt(moments["variance"]) * DEVIATIONS
    # Rounded, so that a mean that is off in its last digits is no other point.
    points = np.array([float(f"{point:.3g}") for point in points])
    for name in FUNCTIONS:
        if hasattr(law, name):
            part = f"{key}{SEPARATOR}{name}"
            value = _tried(found, part, lambda n=name: getattr(law, n)(points))
            if value is not None:
                parts = np.asarray(value)
                found[part] = (
                    np.stack([parts.real, parts.imag]) if parts.dtype == complex else parts
                )
