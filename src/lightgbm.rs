//! LightGBM as a peer of the scores, where a Python has it: `EDDY_PYTHON`, else `python3`. Without it the peer is left out, and that is said.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use eddy_processors::backtest::Rows;

const SCRIPT: &str = include_str!("lightgbm.py");

/// Log-odds that LightGBM gives the rows to judge.
pub fn fit(rows: &Rows<'_>) -> Option<Vec<f64>> {
    let python = std::env::var_os("EDDY_PYTHON").unwrap_or_else(|| "python3".into());
    let has_it = Command::new(&python)
        .args(["-c", "import lightgbm, numpy"])
        .stderr(Stdio::null())
        .status();
    if !has_it.is_ok_and(|status| status.success()) {
        eprintln!("LightGBM is left out: name a Python that has it with EDDY_PYTHON");
        return None;
    }
    let folder = std::env::temp_dir().join(format!("eddy-lightgbm-{}", std::process::id()));
    let said = run(&python, &folder, rows);
    let _ = std::fs::remove_dir_all(&folder);
    match said {
        Ok(said) => Some(said),
        Err(error) => {
            eprintln!("LightGBM is left out: {error:#}");
            None
        }
    }
}

fn run(python: &std::ffi::OsStr, folder: &Path, rows: &Rows<'_>) -> anyhow::Result<Vec<f64>> {
    std::fs::create_dir_all(folder)?;
    let mut csv = String::new();
    let learned = rows.learned.iter().map(|(x, failed)| (1, u8::from(*failed), *x));
    for (part, failed, x) in learned.chain(rows.judged.iter().map(|x| (0, 0, *x))) {
        write!(csv, "{part},{failed}")?;
        for value in x {
            write!(csv, ",{value}")?;
        }
        csv.push('\n');
    }
    std::fs::write(folder.join("rows.csv"), csv)?;
    std::fs::write(folder.join("peer.py"), SCRIPT)?;
    let done = Command::new(python)
        .arg(folder.join("peer.py"))
        .arg(folder)
        .status()?;
    anyhow::ensure!(done.success(), "its script failed");
    let text = std::fs::read_to_string(folder.join("said.csv"))?;
    text.lines().map(|line| Ok(line.parse()?)).collect()
}
