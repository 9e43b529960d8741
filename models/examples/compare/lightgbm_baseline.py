"""LightGBM on the very rows that the comparison of models/ uses: leaves and number of trees by the latest fifth of the training rows, then all of them.

Called by the example `compare` with a folder: reads rows.csv (part, failed, features), writes predictions.csv (rows held back, rows that wait for their outcome, test rows).
"""
import sys
import time

import lightgbm
import numpy

PARAMETERS = {
    "objective": "binary",
    "learning_rate": 0.03,
    "min_data_in_leaf": 40,
    "lambda_l2": 10.0,
    "feature_fraction": 0.6,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "max_bin": 255,
    "seed": 1,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbosity": -1,
}
MOST = 600
PATIENCE = 60
LEAVES = [2, 4, 8, 15, 31]

rows = numpy.genfromtxt(f"{sys.argv[1]}/rows.csv", delimiter=",")
part, failed, features = rows[:, 0], rows[:, 1], rows[:, 2:]
early, late, waiting, test = (part == number for number in range(4))
start = time.perf_counter()
best = None
for leaves in LEAVES:
    parameters = PARAMETERS | {"num_leaves": leaves}
    model = lightgbm.train(
        parameters,
        lightgbm.Dataset(features[early], failed[early]),
        MOST,
        [lightgbm.Dataset(features[late], failed[late])],
        callbacks=[lightgbm.early_stopping(PATIENCE, verbose=False)],
    )
    loss = model.best_score["valid_0"]["binary_logloss"]
    if best is None or loss < best[0]:
        best = (loss, parameters, model)
_, parameters, first = best
trees = max(first.best_iteration, 1)
model = lightgbm.train(parameters, lightgbm.Dataset(features[early | late], failed[early | late]), trees)
print(f"lightgbm {lightgbm.__version__}: {trees} trees of {parameters['num_leaves']} leaves in {time.perf_counter() - start:.1f} s", file=sys.stderr)
before = [first.predict(features[rows], raw_score=True, num_iteration=trees) for rows in (late, waiting) if rows.any()]
numpy.savetxt(f"{sys.argv[1]}/predictions.csv", numpy.concatenate([*before, model.predict(features[test], raw_score=True)]))
