//! Chance: one generator a stream and hashes that turn ids into numbers.
//!
//! Written here rather than taken from a crate so that a world keeps its bytes when a dependency changes. Not for secrets.

/// SplitMix64 (Steele, Lea and Flood, 2014): eight bytes of state, so every order can own a generator seeded from its number.
#[derive(Clone, Debug)]
pub(crate) struct Rng(u64);

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The finaliser of SplitMix64.
pub(crate) const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A hash of a seed, a tag that names the question, and the ids it is asked about.
pub(crate) fn hash(seed: u64, tag: u32, parts: &[u64]) -> u64 {
    let mut h = mix(seed ^ (u64::from(tag)).wrapping_mul(GOLDEN));
    for &p in parts {
        h = mix(h.wrapping_add(GOLDEN) ^ p.wrapping_mul(0xd6e8_feb8_6659_fd93));
    }
    h
}

/// Uniform in [0, 1) from a hash.
pub(crate) fn unit(h: u64) -> f64 {
    (h >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
}

/// About normal(0, 1), from four sixteen-bit parts of a hash (Irwin-Hall), so never beyond 3.5: no lane is absurd.
pub(crate) fn gauss(h: u64) -> f64 {
    let h = mix(h ^ GOLDEN);
    let sum = (h & 0xffff) + (h >> 16 & 0xffff) + (h >> 32 & 0xffff) + (h >> 48);
    (sum as f64 / 65_536.0 - 2.0 + 2.0 / 65_536.0) * 1.732_050_8
}

pub(crate) fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

pub(crate) fn logit(p: f64) -> f64 {
    (p / (1.0 - p)).ln()
}

impl Rng {
    pub(crate) fn new(seed: u64, tag: u32, parts: &[u64]) -> Self {
        Self(hash(seed, tag, parts))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    pub(crate) fn unit(&mut self) -> f64 {
        unit(self.next())
    }

    pub(crate) fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    pub(crate) fn range(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// An integer in [0, n).
    pub(crate) fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next()) * n as u128) >> 64) as usize
    }

    /// An integer in [low, high].
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low + 1).max(1) as usize) as i64
    }

    pub(crate) fn gauss(&mut self) -> f64 {
        gauss(self.next())
    }

    pub(crate) fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }

    /// Log-normal by its median and the deviation of its logarithm.
    pub(crate) fn log_normal(&mut self, median: f64, sigma: f64) -> f64 {
        median * (sigma * self.gauss()).exp()
    }

    /// Index drawn in proportion to the weights.
    pub(crate) fn weighted(&mut self, weights: &[f64]) -> usize {
        let mut u = self.unit() * weights.iter().sum::<f64>();
        for (i, w) in weights.iter().enumerate() {
            u -= w;
            if u < 0.0 {
                return i;
            }
        }
        weights.len() - 1
    }
}

/// Index in a table of running sums.
pub(crate) fn pick_cumulative(sums: &[f64], u: f64) -> usize {
    let target = u * sums.last().copied().unwrap_or(0.0);
    sums.partition_point(|&s| s <= target)
        .min(sums.len().saturating_sub(1))
}
