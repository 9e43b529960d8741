//! LightGBM on the rows that the scores were told from, in the order of time: fitted once to what was known when judging begins, and fitted anew three times.
//!
//! A row holds each feature as a promoted model sees it: the value, or what the online learner believed of the key just then. Its own log-odds are left out
//! (`without`), or are one more feature (`with`).

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use eddy_models::evaluation::auc;
use eddy_processors::training::Scored;

use crate::judge::{Judged, STAGES, share};

const SCRIPT: &str = include_str!("peer.py");
const NAMES: [&str; 2] = ["without", "with"];
/// Fits over the time judged.
const FOLDS: [i64; 2] = [1, 3];

/// Prints the shares of the truth's AUC.
pub fn judge(rows: &[Scored<'_>], judged: &[Judged], from: i64) {
    let python = std::env::var_os("EDDY_PYTHON").unwrap_or_else(|| "python3".into());
    let folder = std::env::temp_dir().join(format!("eddy-ndr-quality-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let to = rows.iter().map(|row| row.scored_at).max().unwrap_or(from) + 1;
    for folds in FOLDS {
        println!("LightGBM fitted {folds} times over the time judged");
        write(&folder, rows, |at| {
            if at < from {
                -1
            } else {
                (at - from) * folds / (to - from)
            }
        });
        let done = Command::new(&python)
            .arg(folder.join("peer.py"))
            .arg(&folder)
            .arg(rows.first().map_or(0, |row| row.x.len()).to_string())
            .args(NAMES)
            .status();
        assert!(
            done.is_ok_and(|status| status.success()),
            "LightGBM: name a Python that has it with EDDY_PYTHON"
        );
        for name in NAMES {
            let said = std::fs::read(folder.join(format!("{name}.f64"))).expect("what it said");
            let said: Vec<f64> = said
                .chunks_exact(8)
                .map(|bytes| f64::from_le_bytes(bytes.try_into().expect("eight bytes")))
                .collect();
            table(name, &said, judged, from);
        }
    }
    std::fs::remove_dir_all(&folder).expect("the folder is gone");
}

/// Writes the rows and the script. An outcome counts as known from the fold on that begins after it was known.
fn write(folder: &Path, rows: &[Scored<'_>], fold: impl Fn(i64) -> i64) {
    std::fs::write(folder.join("peer.py"), SCRIPT).expect("a file");
    let file = std::fs::File::create(folder.join("rows.f32")).expect("a file");
    let mut file = std::io::BufWriter::new(file);
    for row in rows {
        let (failed, known) = row
            .ended
            .map_or((false, -1), |(failed, at)| (failed, fold(at) + 1));
        let head = [
            fold(row.scored_at) as f32,
            known as f32,
            f32::from(u8::from(failed)),
        ];
        for number in head.iter().chain(row.x) {
            file.write_all(&number.to_le_bytes()).expect("room on the disk");
        }
    }
    file.flush().expect("room on the disk");
}

fn table(name: &str, said: &[f64], judged: &[Judged], from: i64) {
    println!("   {name} the learner's log-odds; share of the truth's AUC, theirs (ours), all | cash");
    for stage in STAGES {
        let of = |cash: bool| {
            let rows: Vec<&Judged> = judged
                .iter()
                .filter(|j| j.stage == stage && j.at >= from && (j.cod || !cash))
                .collect();
            let failed: Vec<bool> = rows.iter().map(|j| j.failed).collect();
            let by = |p: &dyn Fn(&Judged) -> f64| {
                let p: Vec<f64> = rows.iter().map(|j| p(j)).collect();
                auc(&p, &failed)
            };
            let truth = by(&|j| j.truth);
            (
                share((truth, by(&|j| said[j.number]))),
                share((truth, by(&|j| j.p))),
            )
        };
        let (all, cash) = (of(false), of(true));
        println!(
            "      {stage:<18} {:.4} ({:.4}) | {:.4} ({:.4})",
            all.0, all.1, cash.0, cash.1
        );
    }
}
