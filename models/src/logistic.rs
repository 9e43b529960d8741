//! The batch learner: logistic regression with an L2 penalty, fitted by linfa-logistic (L-BFGS), served by [`Linear`].
//!
//! linfa knows no sample weights, so neither does this. Columns are brought to unit deviation first, so that one penalty is fair to all.

use linfa::dataset::DatasetBase;
use linfa::traits::Fit;
use linfa_logistic::LogisticRegression;
use ndarray::{Array1, Array2};

use crate::data::Data;
use crate::encoding::{Encoder, Row};
use crate::error::Error;
use crate::linear::Linear;

/// Parameters of the fit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Params {
    /// L2 penalty on weights of columns of unit deviation.
    pub l2: f64,
    /// Most iterations of L-BFGS.
    pub iterations: u64,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            l2: 30.0,
            iterations: 200,
        }
    }
}

/// Fits a linear model to rows of a schema.
///
/// # Errors
/// [`Error::OneOutcome`] when all rows have the same outcome, [`Error::Fit`] when linfa refuses.
#[allow(clippy::cast_precision_loss)]
pub fn fit(encoder: &Encoder, data: &Data, params: Params) -> Result<Linear, Error> {
    let failed = data.outcomes().iter().filter(|&&failed| failed).count();
    if failed == 0 || failed == data.len() {
        return Err(Error::OneOutcome { rows: data.len() });
    }
    let (slots, n) = (encoder.slots(), data.len() as f64);
    let mut rows = Vec::with_capacity(data.len());
    let (mut means, mut squares) = (vec![0.0; slots], vec![0.0; slots]);
    for i in 0..data.len() {
        let mut row = Row::new();
        encoder.encode(data.row(i), &mut row);
        for &(slot, value) in &row {
            means[slot as usize] += f64::from(value) / n;
            squares[slot as usize] += f64::from(value).powi(2) / n;
        }
        rows.push(row);
    }
    let deviation = |slot: usize| (squares[slot] - means[slot] * means[slot]).max(0.0).sqrt();
    let deviations: Vec<f64> = (0..slots).map(deviation).collect();
    // Columns that never vary, the constant among them, tell nothing beyond the intercept.
    let columns: Vec<usize> = (1..slots).filter(|&slot| deviations[slot] > 1e-9).collect();
    let mut place = vec![usize::MAX; slots];
    for (column, &slot) in columns.iter().enumerate() {
        place[slot] = column;
    }
    let mut dense = Array2::zeros((data.len(), columns.len()));
    for (mut line, row) in dense.rows_mut().into_iter().zip(&rows) {
        for (column, &slot) in columns.iter().enumerate() {
            line[column] = -means[slot] / deviations[slot];
        }
        for &(slot, value) in row {
            let slot = slot as usize;
            if place[slot] != usize::MAX {
                line[place[slot]] += f64::from(value) / deviations[slot];
            }
        }
    }
    let targets = Array1::from_iter(data.outcomes().iter().copied());
    let fitted = LogisticRegression::default()
        .alpha(params.l2)
        .max_iterations(params.iterations)
        .gradient_tolerance(1e-4 * n.sqrt())
        .fit(&DatasetBase::new(dense, targets))
        .map_err(|error| Error::Fit(error.to_string()))?;
    let sign = if fitted.labels().pos.class { 1.0 } else { -1.0 };
    let mut linear = Linear::new(slots);
    linear.weights[0] = sign * fitted.intercept();
    for (column, &slot) in columns.iter().enumerate() {
        let weight = sign * fitted.params()[column] / deviations[slot];
        linear.weights[slot] = weight;
        linear.weights[0] -= weight * means[slot];
    }
    means[0] = 0.0;
    linear.means = means;
    Ok(linear)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use crate::schema::{Feature, Linear as Kind, Schema};
    use crate::sigmoid;

    const FEATURES: &[Feature] = &[
        Feature {
            name: "x",
            linear: Kind::Plain,
            ..Feature::EMPTY
        },
        Feature {
            name: "code",
            linear: Kind::Codes(3),
            ..Feature::EMPTY
        },
    ];

    #[test]
    fn it_finds_the_weights_of_a_logistic_world() {
        let schema = Schema {
            name: "test",
            features: FEATURES,
        };
        let encoder = Encoder::new(&schema);
        let mut data = Data::new(2);
        let mut random = Random::new(2);
        let logit = |x: f64, code: usize| -1.0 + 1.5 * x + [0.0, 0.8, -0.5][code];
        for _ in 0..20_000 {
            let (x, code) = (random.unit() * 2.0 - 1.0, random.below(3));
            data.push(
                &[x as f32, code as f32],
                random.unit() < sigmoid(logit(x, code)),
                1.0,
            );
        }
        let linear = fit(&encoder, &data, Params::default()).unwrap();
        let mut row = Row::new();
        for code in 0..3 {
            for x in [-0.8, 0.0, 0.7] {
                encoder.encode(&[x, code as f32], &mut row);
                let found = linear.log_odds(&row);
                assert!(
                    (found - logit(f64::from(x), code)).abs() < 0.12,
                    "{x} {code}: {found}"
                );
                let mut contributions = [0.0; 2];
                let base = linear.contributions(&encoder, &row, &mut contributions);
                assert!((base + contributions.iter().sum::<f64>() - found).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn one_outcome_alone_is_refused() {
        let mut data = Data::new(2);
        data.push(&[0.0, 0.0], true, 1.0);
        let encoder = Encoder::new(&Schema {
            name: "test",
            features: FEATURES,
        });
        assert!(matches!(
            fit(&encoder, &data, Params::default()),
            Err(Error::OneOutcome { rows: 1 })
        ));
    }
}
