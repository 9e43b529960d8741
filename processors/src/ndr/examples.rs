//! Rows to train on, as promoted models see them: written when a score is told, finished when its outcome is known. Only a run that asks for them keeps them.

use super::promoted::WIDTH;

/// Rows kept. Beyond it every second one is let go, and of those to come as many.
const MOST: usize = 1 << 21;

/// One row.
#[derive(Clone, Debug)]
pub(crate) struct Example {
    pub(crate) stage: u8,
    /// Stage whose model scored it.
    pub(crate) model: u8,
    pub(crate) payment: u8,
    /// It is the first score of its stage.
    pub(crate) first: bool,
    pub(crate) scored_at: i64,
    /// Probability that the online learner told.
    pub(crate) told: f64,
    pub(crate) x: [f32; WIDTH],
    /// Whether it failed, and when that was known.
    pub(crate) ended: Option<(bool, i64)>,
}

/// The rows of a run. Numbers start at 1.
#[derive(Debug)]
pub(crate) struct Examples {
    rows: Vec<Example>,
    /// Rows scored.
    seen: u32,
    /// One of so many is kept, a power of two.
    every: u32,
}

impl Default for Examples {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            seen: 0,
            every: 1,
        }
    }
}

impl Examples {
    /// Takes a row in and gives its number.
    pub(crate) fn scored(&mut self, row: Example) -> u32 {
        let number = self.seen + 1;
        self.seen = number;
        if !number.is_multiple_of(self.every) {
            return 0;
        }
        if self.rows.len() == MOST {
            self.every *= 2;
            let mut at = 0_u32;
            self.rows.retain(|_| {
                at += 1;
                at.is_multiple_of(2)
            });
            if !number.is_multiple_of(self.every) {
                return 0;
            }
        }
        self.rows.push(row);
        number
    }

    /// The outcome of a row is known.
    pub(crate) fn ended(&mut self, number: u32, failed: bool, known_at: i64) {
        if let Some(at) = self.place(number) {
            self.rows[at].ended = Some((failed, known_at));
        }
    }

    /// The row of a number, if it was kept.
    pub(crate) fn get(&self, number: u32) -> Option<&Example> {
        self.place(number).map(|at| &self.rows[at])
    }

    /// All that were kept, in the order of the log.
    pub(crate) fn rows(&self) -> &[Example] {
        &self.rows
    }

    fn place(&self, number: u32) -> Option<usize> {
        let kept = number != 0 && number.is_multiple_of(self.every);
        let at = (number / self.every) as usize;
        kept.then(|| at.checked_sub(1))
            .flatten()
            .filter(|at| *at < self.rows.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(scored_at: i64) -> Example {
        Example {
            stage: 0,
            model: 0,
            payment: 0,
            first: true,
            scored_at,
            told: 0.5,
            x: [0.0; WIDTH],
            ended: None,
        }
    }

    #[test]
    fn a_number_finds_its_row_after_others_were_let_go() {
        let mut examples = Examples {
            every: 2,
            ..Examples::default()
        };
        let numbers: Vec<u32> = (1..=9).map(|at| examples.scored(row(at))).collect();
        assert_eq!(numbers, [0, 2, 0, 4, 0, 6, 0, 8, 0]);
        examples.ended(6, true, 20);
        assert_eq!(
            examples.get(6).map(|row| (row.scored_at, row.ended)),
            Some((6, Some((true, 20))))
        );
        assert!(examples.get(5).is_none() && examples.get(0).is_none() && examples.get(10).is_none());
    }
}
