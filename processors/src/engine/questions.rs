//! What may be asked of an engine between two events, and what backtests and training keep of a run. Nothing here changes what is told.

use crate::fraud::eligibility::Application;
use crate::fraud::neighbours::Standing;
use crate::ndr;
use crate::routing;
use crate::routing::estimate::Candidate;
use crate::training::Scored;

use super::Engine;

impl Engine {
    /// What is thought of a parcel under each courier just now.
    ///
    /// # Errors
    /// What is missing, in words.
    pub fn estimate(&self, candidate: &Candidate) -> Result<serde_json::Value, String> {
        routing::estimate::estimate(&self.world, &self.ndr, &self.routing, candidate, self.clock)
    }

    /// Whether a return may be authorised, by the policy in force; the error says what is wrong with the question.
    ///
    /// # Errors
    /// What is wrong with the question, in words.
    pub fn assess_return(&self, asked: &Application) -> Result<serde_json::Value, String> {
        self.fraud.eligible(&self.world, asked, self.clock)
    }

    /// Who is linked to a customer and by what, as JSON; none when the customer is not known.
    #[must_use]
    pub fn links(&self, customer: &str) -> Option<serde_json::Value> {
        self.fraud.neighbours(&self.world, customer)
    }

    /// Where an alert stands; none when it was never raised.
    #[must_use]
    pub fn alert(&self, id: &str) -> Option<Standing> {
        self.fraud.standing(id)
    }

    /// Why two customers are linked, as JSON: each step with both ends and what they share. None when nothing links them.
    #[must_use]
    pub fn why_linked(&self, from: &str, to: &str) -> Option<serde_json::Value> {
        self.fraud.why_linked(&self.world, from, to)
    }

    /// The figures by which the oddness of a return is judged, as they stand now; for comparing outlier models. None before it was asked for.
    #[must_use]
    pub fn figures_of(&self, rma: &str) -> Option<Vec<f32>> {
        self.fraud.figures_of(&self.world, rma, self.clock)
    }

    /// The shard it folds.
    pub(crate) fn shard(&self) -> u32 {
        self.config.shard
    }

    /// From now on every outcome of a score is kept; for backtests, since it grows with the log.
    pub(crate) fn record_outcomes(&mut self) {
        self.ndr.recorded = Some(Vec::new());
    }

    /// Keeps each row and its outcome from now on, for training.
    pub(crate) fn record_examples(&mut self) {
        self.ndr.examples = Some(ndr::examples::Examples::default());
    }

    /// Keeps the row of each score from now on, for comparing learners outside of the engine.
    pub fn record_rows(&mut self) {
        self.record_examples();
    }

    /// The rows kept, in the order in which their scores are told.
    pub fn rows(&self) -> impl Iterator<Item = Scored<'_>> {
        let rows = self.examples().map_or(&[][..], |all| all.rows());
        rows.iter().map(Scored::of)
    }

    /// The rows kept.
    pub(crate) fn examples(&self) -> Option<&ndr::examples::Examples> {
        self.ndr.examples.as_ref()
    }

    /// The outcomes kept.
    pub(crate) fn outcomes(&self) -> &[ndr::performance::Judged] {
        self.ndr.recorded.as_deref().unwrap_or_default()
    }

    /// Puts a policy in force, the body of a `policy.published` event, and leaves out those that the log publishes.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn hold_policy(&mut self, body: &serde_json::Value) -> Result<(), String> {
        let threshold = self.routing.hold(body)?;
        let fraud = self.fraud.hold(body)?;
        if threshold.is_none() && !fraud {
            return Err("the policy has neither a member `ndr` nor a member `fraud`".to_owned());
        }
        self.ndr.small.threshold = threshold.unwrap_or(self.ndr.small.threshold);
        Ok(())
    }

    /// Every decision, with what came of it.
    pub(crate) fn decisions(&self) -> Vec<routing::Logged> {
        self.routing.logged(&self.world)
    }

    /// Probability above which the policy in force acts.
    pub(crate) fn threshold(&self) -> f64 {
        self.ndr.small.threshold
    }
}
