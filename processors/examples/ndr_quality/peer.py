"""LightGBM beside the scores of `ndr_quality`, on the very rows. `peer.py FOLDER WIDTH NAME...` reads rows.f32: records of WIDTH + 3 numbers: the fold
in which a row is judged (-1: never), the fold from which on its outcome is known (-1: never), whether it failed, then the features, of which the last two are the online
learner's log-odds and the stage. For each fold a model is fitted to what was known at its begin; log-odds go to NAME.f64, in the order of the rows.

The latest fifth of the rows to learn from chooses the number of trees. Names: `with` sees the learner's log-odds, `without` does not.
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
    "num_threads": 1,
    "verbosity": -1,
}

folder, width = sys.argv[1], int(sys.argv[2])
rows = numpy.fromfile(f"{folder}/rows.f32", dtype=numpy.float32).reshape(-1, width + 3)
judged_in, known_from, failed, features = rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3:]
for name in sys.argv[3:]:
    columns = [at for at in range(width) if name == "with" or at != width - 2]
    said = numpy.zeros(len(rows))
    for fold in range(int(judged_in.max()) + 1):
        learned = (known_from >= 0) & (known_from <= fold)
        x, y = features[learned][:, columns], failed[learned]
        early = len(y) - len(y) // 5
        first = lightgbm.train(
            PARAMETERS,
            lightgbm.Dataset(x[:early], y[:early]),
            600,
            [lightgbm.Dataset(x[early:], y[early:])],
            callbacks=[lightgbm.early_stopping(40, verbose=False)],
        )
        trees = max(first.best_iteration, 1)
        model = lightgbm.train(PARAMETERS, lightgbm.Dataset(x, y), trees)
        judged = judged_in == fold
        said[judged] = model.predict(features[judged][:, columns], raw_score=True)
        print(f"   {name}, fold {fold}: {len(y)} rows to learn from, {trees} trees", flush=True)
    said.tofile(f"{folder}/{name}.f64")
