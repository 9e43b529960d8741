//! A data set made ready: features known at each row's time, in the order of time, and the split.

use eddy_models::data::Data;
use eddy_models::schema::Schema;
use eddy_models::{boosting, ftrl, logistic};

/// A data set.
pub struct Set {
    pub name: &'static str,
    pub schema: Schema,
    /// Rows in the order of time.
    pub data: Data,
    /// When each row was scored.
    pub at: Vec<i64>,
    /// When its outcome was known.
    pub known_at: Vec<Option<i64>>,
    /// Rows from here on are the test; what is known by then may be trained on.
    pub split: i64,
    /// End of the rows.
    pub end: i64,
    /// The feature that is the lane's rate.
    pub lane: &'static str,
    /// Share of failure believed before the first row.
    pub prior: f64,
    /// Parameters chosen by `tune`, on rows before the split.
    pub online: ftrl::Params,
    pub batch: logistic::Params,
    pub trees: boosting::Params,
}

impl Set {
    /// Rows scored within a span.
    pub fn scored(&self, from: i64, to: i64) -> Vec<usize> {
        (0..self.at.len())
            .filter(|&i| (from..to).contains(&self.at[i]))
            .collect()
    }

    /// Rows whose outcome is known at a time, after the first weeks in which the rates know nothing.
    pub fn known(&self, at: i64) -> Vec<usize> {
        (0..self.at.len())
            .filter(|&i| self.known_at[i].is_some_and(|known| known < at))
            .collect()
    }

    pub fn pick(&self, rows: &[usize]) -> Data {
        let mut data = Data::new(self.data.features());
        for &i in rows {
            data.push(self.data.row(i), self.data.outcomes()[i], 1.0);
        }
        data
    }

    pub fn outcomes(&self, rows: &[usize]) -> Vec<bool> {
        rows.iter().map(|&i| self.data.outcomes()[i]).collect()
    }
}

/// What the trees of both sets share.
pub fn trees() -> boosting::Params {
    boosting::Params {
        trees: 600,
        rate: 0.03,
        patience: 60,
        ..boosting::Params::default()
    }
}
