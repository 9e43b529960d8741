//! Feature values as small codes, for histograms: bin 0 is "not known", then quantile ranges, at most [`BINS`] in all.

use crate::data::Data;

/// Bins of a feature, "not known" included. 64 pairs of doubles for 40 features fit the first-level cache.
pub(crate) const BINS: usize = 64;

/// Upper edges of the bins of each feature: a value belongs to the first bin whose edge it does not exceed.
#[derive(Clone, Debug)]
pub(crate) struct Bins {
    pub(crate) edges: Vec<Vec<f32>>,
}

impl Bins {
    /// Edges at quantiles of distinct values, half-way between neighbours.
    pub(crate) fn new(data: &Data) -> Self {
        let edges = (0..data.features())
            .map(|feature| {
                let values = (0..data.len()).map(|i| data.row(i)[feature]);
                edges(values.filter(|value| !value.is_nan()).collect())
            })
            .collect();
        Self { edges }
    }

    /// Codes of all rows, row by row.
    #[allow(clippy::cast_possible_truncation)]
    pub(crate) fn codes(&self, data: &Data) -> Vec<u8> {
        let mut codes = Vec::with_capacity(data.len() * data.features());
        for i in 0..data.len() {
            codes.extend(data.row(i).iter().zip(&self.edges).map(|(&x, edges)| {
                if x.is_nan() {
                    0
                } else {
                    1 + edges.partition_point(|&edge| edge < x) as u8
                }
            }));
        }
        codes
    }
}

fn edges(mut values: Vec<f32>) -> Vec<f32> {
    values.sort_by(f32::total_cmp);
    let n = values.len();
    let mut distinct: Vec<(f32, usize)> = Vec::new();
    for value in values {
        match distinct.last_mut() {
            // Both zeros are one value.
            Some(last) if last.0 == value => last.1 += 1,
            _ => distinct.push((value, 1)),
        }
    }
    // So many values share the bins as are left after the frequent ones have got theirs.
    let between = |a: f32, b: f32| {
        let middle = a + (b - a) / 2.0;
        if middle < b { middle } else { a }
    };
    let most = BINS - 2;
    if distinct.len() <= most + 1 {
        return distinct
            .windows(2)
            .map(|pair| between(pair[0].0, pair[1].0))
            .collect();
    }
    let mut edges = Vec::with_capacity(most);
    let (mut below, mut in_bin) = (0, 0);
    for pair in distinct.windows(2) {
        in_bin += pair[0].1;
        below += pair[0].1;
        let fair = (n - (below - in_bin)) / (most + 1 - edges.len());
        if in_bin >= fair.max(1) && edges.len() < most {
            edges.push(between(pair[0].0, pair[1].0));
            in_bin = 0;
        }
    }
    edges
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn codes_agree_with_thresholds(values in prop::collection::vec(prop_oneof![Just(f32::NAN), -5.0_f32..5.0, (0..9_u8).prop_map(f32::from)], 1..500)) {
            let mut data = Data::new(1);
            for &value in &values {
                data.push(&[value], false, 1.0);
            }
            let bins = Bins::new(&data);
            let edges = &bins.edges[0];
            prop_assert!(edges.len() <= BINS - 2);
            prop_assert!(edges.windows(2).all(|pair| pair[0] < pair[1]));
            for (&value, &code) in values.iter().zip(&bins.codes(&data)) {
                prop_assert!(usize::from(code) < BINS);
                prop_assert_eq!(code == 0, value.is_nan());
                for (i, &edge) in edges.iter().enumerate() {
                    prop_assert_eq!(value > edge, usize::from(code) > i + 1);
                }
            }
        }
    }

    #[test]
    fn many_values_share_the_bins_evenly() {
        let edges = edges((0..6_300_u16).map(f32::from).collect());
        assert_eq!(edges.len(), BINS - 2);
        assert!(
            edges
                .windows(2)
                .all(|pair| (99.0..=102.0).contains(&(pair[1] - pair[0])))
        );
    }
}
