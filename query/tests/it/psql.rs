//! What `psql` shows: it asks the catalogue in its own way, which only itself can test.

use std::io::Write;
use std::process::Command;

use crate::pg::{Server, serve};
use crate::sample::engine;

/// What psql prints for a command.
async fn psql(server: &Server, command: &str) -> String {
    let url = format!("postgresql://anyone@{}/eddy", server.addr);
    let command = command.to_owned();
    let output = tokio::task::spawn_blocking(move || {
        Command::new("psql")
            .args([&url, "--no-psqlrc", "-v", "ON_ERROR_STOP=1", "-c", &command])
            .env("PGCONNECT_TIMEOUT", "5")
            .output()
    });
    let output = output.await.unwrap().unwrap();
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Whether psql is there; says so past the capture of test output when it is not.
fn installed() -> bool {
    let there = Command::new("psql").arg("--version").output().is_ok();
    if !there {
        let _ = writeln!(
            std::io::stderr(),
            "skipped: psql is not installed, so what it shows is not tested"
        );
    }
    there
}

#[tokio::test]
async fn every_describing_command_answers_without_error() {
    if !installed() {
        return;
    }
    let server = serve(engine(), None).await;
    let cases: [(&str, &[&str]); 20] = [
        ("\\d", &["parcels", "delivered", "eddy"]),
        (
            "\\d+",
            &["parcels", "a row a parcel", "parcels that arrived", "kB"],
        ),
        ("\\dt", &["parcels", "depots", "eddy"]),
        ("\\dt+", &["a row a depot", "kB"]),
        ("\\dv+", &["delivered", "parcels that arrived"]),
        (
            "\\d parcels",
            &[
                "awb",
                "weight_g",
                "bigint",
                "timestamp with time zone",
                "not null",
            ],
        ),
        (
            "\\d+ parcels",
            &["airway bill", "weight in grams", "probability of failure"],
        ),
        (
            "\\d+ delivered",
            &["airway bill", "View definition:", "where status = 'delivered'"],
        ),
        ("\\d+ eddy_meta.columns", &["what the column means"]),
        ("\\dS+ pg_class", &["relname"]),
        ("\\l", &["eddy"]),
        ("\\l+", &["eddy", "kB"]),
        ("\\dn", &["public", "eddy_meta"]),
        ("\\dn+", &["public", "eddy_meta"]),
        ("\\df", &["List of functions"]),
        ("\\di", &["Did not find any relations"]),
        ("\\dp", &["parcels"]),
        ("\\du", &["eddy"]),
        (
            "select status, count(*) from parcels group by 1 order by 1",
            &["manifested |      334"],
        ),
        ("select obj_description('depots'::regclass)", &["a row a depot"]),
    ];
    for (command, expected) in cases {
        let shown = psql(&server, command).await;
        assert!(!shown.contains("ERROR"), "{command}:\n{shown}");
        for part in expected {
            assert!(shown.contains(part), "{command} lacks {part}:\n{shown}");
        }
        assert!(
            !shown.contains("postgres"),
            "{command} names another owner:\n{shown}"
        );
    }
    let refused = psql(&server, "delete from parcels").await;
    assert!(refused.contains("read-only"), "{refused}");
}

#[tokio::test]
async fn comments_are_those_of_the_catalogue() {
    if !installed() {
        return;
    }
    let server = serve(engine(), None).await;
    let differing = "select m.\"table\", m.\"column\", m.comment, d.description, col_description(a.attrelid, a.attnum)
        from eddy_meta.columns m
        join pg_catalog.pg_namespace n on n.nspname = m.schema
        join pg_catalog.pg_class c on c.relname = m.\"table\" and c.relnamespace = n.oid
        join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attname = m.\"column\"
        left join pg_catalog.pg_description d on d.objoid = c.oid and d.objsubid = a.attnum and d.classoid = 1259
        where (m.comment is distinct from d.description) or (m.comment is distinct from col_description(a.attrelid, a.attnum))";
    let shown = psql(&server, differing).await;
    assert!(shown.contains("(0 rows)"), "{shown}");
    let known = "select count(*) from pg_description where classoid = 1259 and objsubid > 0";
    let shown = psql(&server, known).await;
    assert!(!shown.contains("   0\n") && shown.contains("(1 row)"), "{shown}");
}
