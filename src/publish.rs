//! Events that this process itself writes to the log: promotions, verdicts. They pass the same checks as everybody's.

use anyhow::anyhow;
use eddy_events::codec;
use eddy_log::Log;
use serde_json::Value;

/// Appends one event and gives its sequence, once the log holds it as durably as configured.
pub async fn event(log: &Log, event: &Value) -> anyhow::Result<u64> {
    let (_, line) = codec::canonicalise(event.to_string().as_bytes())
        .map_err(|rejection| anyhow!("{}: {}", rejection.field, rejection.detail))?;
    let acknowledged = log.appender(0)?.append(vec![line.into()]).await?;
    Ok(acknowledged.runs.last().map_or(0, |run| run.sequence))
}
