//! What the engine is told at its start.

use smol_str::SmolStr;

/// What the engine is told at its start. Equal logs give equal results under equal configurations.
#[derive(Clone, Debug)]
pub struct Config {
    /// Shard of the log.
    pub shard: u32,
    /// Tenant, for outputs.
    pub tenant: SmolStr,
    /// IANA name of the tenant's time zone; days of cohorts are its days.
    pub zone: String,
    /// ISO 4217 code for money that names no currency.
    pub currency: String,
    /// Entity state that may stay in memory, in bytes. Needs a state folder; without one nothing is spilled.
    pub memory_bytes: usize,
    /// Indexes from keys to entities that may stay in memory, in bytes, besides those of keys that came since the last snapshot. Once
    /// the filters of spilled keys, 1.3 bytes each, fill it, an eighth of it is kept for keys all the same.
    pub index_bytes: usize,
    /// Identities of events that may wait in memory for the next snapshot.
    pub seen_in_memory: usize,
    /// Score parcels, decide about those at risk, and look for fraud.
    pub scores: bool,
    /// Of the scores, those of parcels, and the decisions about them. Without it fraud alone is looked for. Means nothing without `scores`.
    pub risk: bool,
    /// Watch return rates for shifts.
    pub anomalies: bool,
    /// Watch terms, and advise on what becomes of inspected lines.
    pub operations: bool,
    /// Keys of which the scores' learner keeps a belief, 28 bytes each, rounded up to a power of two.
    pub beliefs: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            shard: 0,
            tenant: SmolStr::new_static(eddy_events::envelope::DEFAULT_TENANT),
            zone: "Asia/Kolkata".to_owned(),
            currency: "INR".to_owned(),
            memory_bytes: 2 << 30,
            index_bytes: 256 << 20,
            seen_in_memory: 2 << 20,
            scores: true,
            risk: true,
            anomalies: true,
            operations: true,
            beliefs: 1 << 19,
        }
    }
}

impl Config {
    /// What a snapshot must share with its engine: results under another zone, currency or shard are other results.
    pub(crate) fn seed(&self) -> u64 {
        let text = format!(
            "{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}",
            self.shard,
            self.tenant,
            self.zone,
            self.currency,
            self.scores,
            self.risk,
            self.anomalies,
            self.operations,
            self.beliefs
        );
        eddy_events::fingerprint(text.as_bytes()) as u64
    }
}
