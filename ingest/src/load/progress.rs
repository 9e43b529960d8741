//! Progress on standard error: a bar on a terminal, a line every five seconds elsewhere. Standard output is kept for the report.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Report;

const QUIET: Duration = Duration::from_secs(5);

pub(super) struct Progress {
    shown: bool,
    bar: Option<ProgressBar>,
    name: String,
    begun: Instant,
    told: Instant,
    before: u64,
    total: Option<u64>,
}

impl Progress {
    /// `before` is how many rows an earlier run has brought.
    pub(super) fn new(shown: bool, name: &str, before: u64) -> Self {
        let bar = (shown && std::io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            let colour = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
            let filled = if colour { "{bar:30.cyan/blue}" } else { "{bar:30}" };
            let template = format!("{{msg}} {filled} {{pos}}/{{len}} rows {{per_sec}} {{eta}}");
            if let Ok(style) = ProgressStyle::with_template(&template) {
                bar.set_style(style);
            }
            bar.set_message(name.to_owned());
            bar.set_position(before);
            bar
        });
        if shown && before > 0 {
            let _ = writeln!(
                std::io::stderr(),
                "{name}: going on after {before} rows of an earlier run"
            );
        }
        let now = Instant::now();
        Self {
            shown,
            bar,
            name: name.to_owned(),
            begun: now,
            told: now,
            before,
            total: None,
        }
    }

    pub(super) fn total(&mut self, total: Option<u64>) {
        if total != self.total {
            self.total = total;
            if let (Some(bar), Some(total)) = (&self.bar, total) {
                bar.set_length(total);
            }
        }
    }

    pub(super) fn advance(&mut self, report: &Report) {
        if let Some(bar) = &self.bar {
            bar.set_position(report.read);
        } else if self.shown && self.told.elapsed() >= QUIET {
            self.told = Instant::now();
            self.line(report);
        }
    }

    pub(super) fn finish(&self, report: &Report, complete: bool) {
        if let Some(bar) = &self.bar {
            if complete {
                bar.finish_and_clear()
            } else {
                bar.abandon()
            }
        }
        if self.shown {
            self.line(report);
        }
    }

    fn line(&self, report: &Report) {
        let seconds = self.begun.elapsed().as_secs_f64().max(1e-3);
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = (report.read - self.before) as f64 / seconds;
        let total = self.total.map(|total| format!(" of {total}")).unwrap_or_default();
        // A closed standard error is no reason to stop a load.
        let _ = writeln!(
            std::io::stderr(),
            "{}: {}{total} rows, {} events, {rate:.0} rows/s",
            self.name,
            report.read,
            report.events
        );
    }
}
