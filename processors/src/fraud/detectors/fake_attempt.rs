//! Pattern 19. Fake attempt: a courier's agent reports attempts with no call, no position and no code, hour after hour. About the agent, never the buyer.
//! Innocent: real absence, which an honest agent can mostly prove.

use crate::fraud::Fraud;
use crate::fraud::finding::{Evidence, Finding, Subject, percent};
use crate::fraud::pattern::{Definition, Kind, Pattern};

const ATTEMPTS: usize = 0;
const SURPRISE: usize = 1;
const SHARE: usize = 2;
const LOSS: usize = 3;

pub(crate) const DEFINITION: Definition = Definition {
    pattern: Pattern::FakeAttempt,
    subject: Kind::CourierAgent,
    precision: (6.0, 2.0),
    doubtful: (1.0, 9.0),
    parameters: &[
        ("attempts", 3.0, 1.0, 100.0),
        ("surprise", 6.0, 0.5, 200.0),
        ("share", 0.25, 0.0, 1.0),
        ("loss_minor", 12_000.0, 0.0, 1e9),
    ],
};

pub(crate) fn detect(fraud: &Fraud, number: u32) -> Option<Finding> {
    let agent = &fraud.agents.entries.get(number).value;
    let policy = |at| fraud.small.policy.number(Pattern::FakeAttempt, at);
    let share = agent.bare / agent.failed.max(1.0);
    let surprise = agent.surprise(&fraud.small.peers);
    if agent.bare < policy(ATTEMPTS) * 0.9 || surprise < policy(SURPRISE) || share < policy(SHARE) {
        return None;
    }
    let strength = 0.45 + (surprise / 100.0).min(0.35) + if agent.most_in_hour >= 2 { 0.1 } else { 0.0 };
    let usual = fraud.small.peers.bare.rate(0.02, 200.0);
    let mut finding = Finding::new(
        Pattern::FakeAttempt,
        Subject::Agent(number),
        strength,
        (agent.bare * policy(LOSS)) as i64,
    )
    .says(format!(
        "{:.0} of {:.0} failed attempts of late without call, position or code ({}), usual is {}",
        agent.bare,
        agent.failed,
        percent(share),
        percent(usual)
    ))
    .says(format!("up to {} within one hour", agent.most_in_hour));
    for (source, id) in &agent.recent {
        finding.evidence.push(Evidence {
            says: "attempt without any proof".to_owned(),
            event: Some((*source, id.clone())),
        });
    }
    Some(finding.looked(
        "real absence",
        share < 4.0 * usual,
        format!(
            "{} of this agent's failed attempts are proven",
            percent(1.0 - share)
        ),
    ))
}
