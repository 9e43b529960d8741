//! Test, then train, in the order of time (Dawid 1984): every row is scored with what was known when it was scored, and learned from when its
//! outcome became known.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What happens to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Score this row now.
    Score(usize),
    /// Its outcome is known now.
    Learn(usize),
}

/// The steps of rows in the order of time. `at` is when each row is scored, ascending; `known_at` when its outcome is known, none for never. A
/// row is scored before outcomes of the same time are learned: what is known at an instant was not known before it.
///
/// # Panics
/// When the times do not ascend, or an outcome is known before its row is scored.
pub fn steps(at: &[i64], known_at: &[Option<i64>]) -> impl Iterator<Item = Step> {
    assert!(
        at.windows(2).all(|pair| pair[0] <= pair[1]),
        "rows in the order of time"
    );
    let sound = at
        .iter()
        .zip(known_at)
        .all(|(at, known)| known.is_none_or(|known| known >= *at));
    assert!(sound, "an outcome is known before its row is scored");
    let mut pending: BinaryHeap<Reverse<(i64, usize)>> = BinaryHeap::new();
    let mut next = 0;
    std::iter::from_fn(move || {
        let due = pending.peek().map(|Reverse((known, _))| *known);
        if due.is_some_and(|due| next == at.len() || due < at[next]) {
            return pending.pop().map(|Reverse((_, row))| Step::Learn(row));
        }
        if next == at.len() {
            return None;
        }
        if let Some(known) = known_at[next] {
            pending.push(Reverse((known, next)));
        }
        next += 1;
        Some(Step::Score(next - 1))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use Step::{Learn, Score};

    #[test]
    fn outcomes_wait_until_they_are_known() {
        let found: Vec<Step> = steps(&[0, 1, 2, 5], &[Some(2), None, Some(9), Some(5)]).collect();
        assert_eq!(
            found,
            [
                Score(0),
                Score(1),
                Score(2),
                Learn(0),
                Score(3),
                Learn(3),
                Learn(2)
            ]
        );
    }
}
