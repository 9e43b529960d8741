"""LightGBM beside the scores of `eddy backtest`, on the very rows: reads rows.csv (learned, failed, features), writes log-odds of the rows to judge.

The latest fifth of the rows to learn from chooses the number of trees.
"""
import sys

import lightgbm
import numpy

PARAMETERS = {
    "objective": "binary",
    "learning_rate": 0.05,
    "num_leaves": 31,
    "min_data_in_leaf": 40,
    "lambda_l2": 10.0,
    "feature_fraction": 0.6,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "seed": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}

rows = numpy.loadtxt(f"{sys.argv[1]}/rows.csv", delimiter=",", dtype=numpy.float32)
learned, failed, features = rows[:, 0] == 1, rows[:, 1], rows[:, 2:]
x, y = features[learned], failed[learned]
early = len(y) - len(y) // 5
first = lightgbm.train(
    PARAMETERS,
    lightgbm.Dataset(x[:early], y[:early]),
    600,
    [lightgbm.Dataset(x[early:], y[early:])],
    callbacks=[lightgbm.early_stopping(40, verbose=False)],
)
model = lightgbm.train(PARAMETERS, lightgbm.Dataset(x, y), max(first.best_iteration, 1))
numpy.savetxt(f"{sys.argv[1]}/said.csv", model.predict(features[~learned], raw_score=True))
