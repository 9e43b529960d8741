//! When the engine is ready: the tables hold everything that the log held when the engine started, from the snapshot or folded again.
//!
//! Dead letters are no part of it: they are read anew beside the log, and their table may follow a moment later.

use eddy_log::Log;

/// The last message of the tenant's events; 0 when there is none.
///
/// # Errors
/// When the log does not answer.
pub async fn end_of_log(log: &Log) -> Result<u64, eddy_log::Error> {
    let mut to = log.last_sequence().await?;
    // The stream's last message, unless tenants share the stream: then further back, in ever longer steps.
    let mut step = 1;
    while to > 0 {
        let before = to.saturating_sub(step);
        let mut range = log.read_range(0, before + 1, to)?;
        let mut last = None;
        while let Some(message) = range.next_chunk().await?.pop() {
            last = Some(message.sequence);
        }
        if let Some(last) = last {
            return Ok(last);
        }
        (to, step) = (before, step * 4);
    }
    Ok(0)
}

/// What is waited for, in words; nothing when it is over.
pub fn waits_for(running: bool, sequence: u64, end_at_start: u64) -> Option<String> {
    if !running {
        return Some("the state is being restored; try again in a moment".into());
    }
    (sequence < end_at_start).then(|| {
        format!("the tables stand at sequence {sequence} of the {end_at_start} that the log held at the start; try again in a moment")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_is_who_runs_and_holds_what_the_log_held_at_the_start() {
        assert_eq!(waits_for(true, 0, 0), None);
        assert_eq!(waits_for(true, 7, 7), None);
        assert_eq!(waits_for(true, 9, 7), None);
        assert!(waits_for(false, 9, 7).unwrap().contains("restored"));
        let said = waits_for(true, 3, 7).unwrap();
        assert!(said.contains("sequence 3 of the 7"), "{said}");
    }
}
