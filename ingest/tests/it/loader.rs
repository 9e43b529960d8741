//! The loader on files made here: every row accounted for, interruptions without loss, and clear words for files that are wrong.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use eddy_ingest::Metrics;
use eddy_ingest::load::{self, Collected, Error, LoadConfig, Report, Sink};
use tokio_util::sync::CancellationToken;

pub struct Bench {
    pub folder: tempfile::TempDir,
    pub sink: Arc<Mutex<Collected>>,
}

impl Bench {
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            sink: Arc::default(),
        }
    }

    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::File::create(&path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .expect("a file");
        path
    }

    pub async fn load(&self, path: &Path, mapping: &str) -> Result<Report, Error> {
        let config = LoadConfig {
            path: path.to_owned(),
            mapping: mapping.to_owned(),
            state_dir: self.folder.path().join("state"),
            progress: false,
        };
        let report = load::run(
            config,
            Sink::Memory(Arc::clone(&self.sink)),
            Metrics::new().expect("metrics"),
            CancellationToken::new(),
        )
        .await?;
        assert!(report.balances(), "{report:?}");
        Ok(report)
    }

    pub fn lines(&self) -> Vec<String> {
        self.sink
            .lock()
            .expect("sink")
            .lines
            .iter()
            .map(|line| String::from_utf8_lossy(line).into_owned())
            .collect()
    }
}

const SHOP: &str = r#"
name = "shop"
version = 1
source = "urn:shop"
zone = "Asia/Kolkata"
[input.rows]
file = ["orders"]
optional = ["note"]
[group]
by = '$order'
open_for = 2
[let]
line = "$order & '-' & text(occurrence($sku))"
[[dead_letter]]
when = "$state == 'test'"
reason = "test_order"
field = "state"
[[event]]
type = "eddy.order.placed"
for = "group"
id = "$order & ':placed'"
subject = '$order'
time = "time($date, '%d/%m/%Y')"
[event.data]
order_id = '$order'
customer_id = "'c'"
payment_mode = "lower($pay)"
channel = "'web'"
destination_pincode = "pad_left($pin, 6, '0')"
note = '$note'
[event.data.lines]
each = "rows"
item = { line_id = "$sku & ':' & text(occurrence($sku))", sku = '$sku', qty = 'int($qty)', unit_price_minor = 'money($price)' }
"#;

fn shop(bench: &Bench) -> String {
    bench.file("shop.toml", SHOP).to_string_lossy().into_owned()
}

const ORDERS: &str = "order,date,sku,qty,price,pay,pin,state\n\
    o1,02/01/2026,a,1,10.05,COD,400001,ok\n\
    o2,02/01/2026,a,2,\"1,000.10\",COD,400002,ok\n\
    o1,02/01/2026,a,1,10.05,COD,400001,ok\n\
    o3,03/01/2026,b,0,5,COD,400003,ok\n\
    o3,03/01/2026,c,1,5,COD,400003,ok\n\
    o4,03/01/2026,c,x,5,COD,400003,ok\n\
    o5,03/01/2026,c,1,5,COD,400003,test\n\
    o6,31/02/2026,c,1,5,COD,400003,ok\n";

#[tokio::test]
async fn rows_become_orders_and_every_row_is_accounted_for() {
    let bench = Bench::new();
    let path = bench.file("orders.csv", ORDERS);
    let report = bench.load(&path, &shop(&bench)).await.expect("loads");
    assert_eq!(
        (report.read, report.accepted, report.duplicates, report.events),
        (8, 4, 0, 3)
    );
    let reasons: Vec<_> = report
        .dead_letters
        .iter()
        .map(|(reason, count)| (reason.as_str(), *count))
        .collect();
    // A quantity of 0 is refused by the contract, and the other line of that order stays.
    assert_eq!(reasons, [("invalid_value", 3), ("test_order", 1)]);
    let lines = bench.lines();
    assert!(
        lines[0].contains(
            r#""lines":[{"line_id":"a:1","qty":1,"sku":"a","unit_price_minor":1005},{"line_id":"a:2","#
        ),
        "{}",
        lines[0]
    );
    assert!(
        lines[0].contains(r#""time":"2026-01-02T00:00:00+05:30""#),
        "{}",
        lines[0]
    );
    assert!(lines[1].contains(r#""unit_price_minor":100010"#), "{}", lines[1]);
    assert!(
        lines[2].contains(r#""order_id":"o3""#) && !lines[2].contains(r#""sku":"b""#),
        "{}",
        lines[2]
    );
    let letters = bench.sink.lock().expect("sink").dead_letters.clone();
    let fields: Vec<_> = letters.iter().map(|letter| letter.field.as_str()).collect();
    assert_eq!(fields, ["data.lines[0].qty", "qty", "state", "date"]);
    assert!(
        letters[0].body.contains(r#""order":"o3""#) && letters[0].body.contains(r#""sku":"b""#),
        "{}",
        letters[0].body
    );
}

#[tokio::test]
async fn the_same_file_again_is_all_duplicates() {
    let bench = Bench::new();
    let path = bench.file("orders.csv", ORDERS);
    let mapping = shop(&bench);
    let first = bench.load(&path, &mapping).await.expect("loads");
    let again = bench.load(&path, &mapping).await.expect("loads");
    assert_eq!(
        (again.read, again.accepted, again.duplicates, again.events),
        (first.read, 0, first.accepted, 0)
    );
    assert_eq!(again.dead_letters, first.dead_letters);
    assert_eq!(bench.lines().len(), 3, "nothing was sent again");
}

#[tokio::test]
async fn rows_of_an_order_far_apart_are_told_and_not_lost_silently() {
    let bench = Bench::new();
    let mut text = String::from("order,date,sku,qty,price,pay,pin,state\n");
    for order in ["o1", "o2", "o3", "o4", "o5", "o1"] {
        text.push_str(&format!("{order},02/01/2026,a,1,1,COD,400001,ok\n"));
    }
    let path = bench.file("orders.csv", &text);
    let report = bench.load(&path, &shop(&bench)).await.expect("loads");
    assert_eq!(
        (report.accepted, report.dead_letters.get("group_split")),
        (5, Some(&1))
    );
}

#[tokio::test]
async fn ndjson_rows_go_through_a_mapping_and_a_broken_line_is_one_dead_letter() {
    let bench = Bench::new();
    let row = |order: &str| {
        format!(
            r#"{{"order":"{order}","date":"02/01/2026","sku":"a","qty":1,"price":2.5,"pay":"prepaid","pin":400001,"state":"ok","note":"n"}}"#
        )
    };
    let path = bench.file(
        "orders.ndjson",
        &format!("{}\n{{\"order\":\n{}\n[1]\n", row("o1"), row("o2")),
    );
    let report = bench.load(&path, &shop(&bench)).await.expect("loads");
    assert_eq!((report.read, report.accepted), (4, 2));
    assert_eq!(
        (
            report.dead_letters.get("malformed_json"),
            report.dead_letters.get("wrong_type")
        ),
        (Some(&1), Some(&1))
    );
    assert!(bench.lines()[0].contains(r#""note":"n""#));
}

#[tokio::test]
async fn an_interrupted_load_goes_on_where_it_stopped() {
    let bench = Bench::new();
    let mut text = String::from("order,date,sku,qty,price,pay,pin,state\n");
    for order in 0..20_000 {
        text.push_str(&format!(
            "o{order},02/01/2026,a,{},1,COD,400001,ok\n",
            i32::from(order % 100 != 7)
        ));
    }
    let path = bench.file("orders.csv", &text);
    let mapping = shop(&bench);
    let mut interruptions = 0;
    let report = loop {
        bench.sink.lock().expect("sink").fail_after = Some(3);
        match bench.load(&path, &mapping).await {
            Ok(report) => break report,
            Err(Error::Interrupted) => interruptions += 1,
            Err(other) => panic!("{other}"),
        }
    };
    assert!(interruptions >= 2, "{interruptions}");
    assert_eq!(
        (report.read, report.accepted, report.duplicates, report.events),
        (20_000, 19_800, 0, 19_800)
    );
    assert_eq!(report.dead_letters.get("invalid_value"), Some(&200));
    let mut lines = bench.lines();
    assert_eq!(
        (lines.len(), bench.sink.lock().expect("sink").dead_letters.len()),
        (19_800, 200)
    );
    lines.sort();
    lines.dedup();
    assert_eq!(lines.len(), 19_800, "no event twice");
}

#[tokio::test]
async fn a_match_survives_an_interruption_between_purchase_and_return() {
    let mapping = r#"
name = "ledger"
version = 1
source = "urn:ledger"
[let]
at = 'time($at)'
[match.purchase]
offer_when = "$kind == 'sale'"
want_when = "$kind == 'return'"
key = '$customer'
quantity = 'int($qty)'
time = 'at'
keep = { order_id = '$id' }
[[event]]
type = "eddy.return.requested"
when = "$kind == 'return'"
id = '$id'
subject = '$id'
time = 'at'
[event.data]
rma_id = '$id'
order_id = '$purchase.order_id'
channel = "'web'"
method = "'pickup'"
lines = [{ sku = "'s'", qty = 'int($qty)', reason = "'r'" }]
"#;
    let bench = Bench::new();
    let own = bench.file("ledger.toml", mapping).to_string_lossy().into_owned();
    let mut text = String::from("id,kind,customer,qty,at\n");
    for n in 0..6000 {
        text.push_str(&format!("s{n},sale,c{n},2,2026-01-01T00:00:00Z\n"));
    }
    for n in 0..6000 {
        text.push_str(&format!("r{n},return,c{n},1,2026-01-02T00:00:00Z\n"));
    }
    let path = bench.file("rows.csv", &text);
    loop {
        bench.sink.lock().expect("sink").fail_after = Some(2);
        match bench.load(&path, &own).await {
            Ok(report) => {
                break assert_eq!(
                    (report.read, report.accepted, report.events),
                    (12_000, 12_000, 6000)
                );
            }
            Err(Error::Interrupted) => {}
            Err(other) => panic!("{other}"),
        }
    }
    for line in bench.lines() {
        let event: serde_json::Value = serde_json::from_str(&line).expect("json");
        assert_eq!(
            event["data"]["order_id"].as_str().map(|id| &id[1..]),
            event["id"].as_str().map(|id| &id[1..])
        );
    }
}

#[tokio::test]
async fn canonical_lines_are_passed_on_and_repeats_within_the_file_counted() {
    let bench = Bench::new();
    let event = |id: &str, by: &str| {
        format!(
            r#"{{"data":{{"by":"{by}","order_id":"o"}},"time":"2026-01-02T03:04:05Z","subject":"o","type":"eddy.order.cancelled","source":"urn:t","id":"{id}","specversion":"1.0"}}"#
        )
    };
    let lines = [
        event("a", "customer"),
        event("a", "customer"),
        event("a", "seller"),
        event("b", "nobody"),
        event("c", "seller"),
        "nonsense".to_owned(),
    ];
    let path = bench.file("events.ndjson", &lines.join("\n"));
    let report = bench.load(&path, "canonical").await.expect("loads");
    assert_eq!(
        (report.read, report.accepted, report.duplicates, report.events),
        (6, 2, 1, 2)
    );
    let reasons: Vec<_> = report.dead_letters.keys().map(String::as_str).collect();
    assert_eq!(reasons, ["id_conflict", "invalid_value", "malformed_json"]);
    assert!(bench.lines()[0].starts_with(r#"{"specversion":"1.0","id":"a""#));
}

#[tokio::test]
async fn a_mapping_that_names_a_missing_column_lists_what_the_file_has() {
    let bench = Bench::new();
    let path = bench.file("orders.csv", "order,Date ,sku,state\n1,2,3,4\n");
    let error = bench
        .load(&path, &shop(&bench))
        .await
        .expect_err("refused")
        .to_string();
    assert!(
        error.contains("`date`")
            && error.contains("orders.csv")
            && error.contains("`order`, `Date `, `sku`, `state`")
            && error.contains("did you mean `Date `?"),
        "{error}"
    );
    let error = bench.load(&path, "olist").await.expect_err("refused").to_string();
    assert!(error.contains("olist_customers"), "{error}");
}

#[tokio::test]
async fn an_unknown_mapping_is_told_the_known_ones() {
    let bench = Bench::new();
    let path = bench.file("orders.csv", "a\n1\n");
    let error = bench
        .load(&path, "amazon")
        .await
        .expect_err("refused")
        .to_string();
    assert!(
        error.contains("amazon_india, canonical, olist, uci_online_retail"),
        "{error}"
    );
}

#[tokio::test]
async fn truncated_parquet_says_so_and_an_unknown_format_too() {
    let bench = Bench::new();
    let path = bench.file("orders.parquet", "PAR1 and then the download broke off");
    let error = bench
        .load(&path, &shop(&bench))
        .await
        .expect_err("refused")
        .to_string();
    assert!(
        error.contains("damaged or truncated parquet") && error.contains("fetch the file again"),
        "{error}"
    );
    let path = bench.file("orders.xlsx", "x");
    assert!(
        bench
            .load(&path, &shop(&bench))
            .await
            .expect_err("refused")
            .to_string()
            .contains(".parquet, .csv")
    );
    let absent = bench.folder.path().join("none.csv");
    assert!(
        bench
            .load(&absent, &shop(&bench))
            .await
            .expect_err("refused")
            .to_string()
            .contains("none.csv")
    );
}

#[tokio::test]
async fn parquet_cut_in_the_middle_of_its_data_is_an_error_and_not_an_end() {
    use arrow::array::{ArrayRef, RecordBatch, StringArray};
    let bench = Bench::new();
    let text: StringArray = (0..50_000)
        .map(|n| Some(format!("value {n} {}", n * 7919)))
        .collect();
    let columns: Vec<(&str, ArrayRef)> = ["order", "date", "sku", "qty", "price", "pay", "pin", "state"]
        .iter()
        .map(|name| (*name, Arc::new(text.clone()) as ArrayRef))
        .collect();
    let batch = RecordBatch::try_from_iter(columns).expect("a batch");
    let mut whole = Vec::new();
    let mut writer =
        parquet::arrow::ArrowWriter::try_new(&mut whole, batch.schema(), None).expect("a writer");
    writer.write(&batch).expect("written");
    writer.close().expect("closed");
    // The footer is whole and the data before it is not.
    let middle = whole.len() / 3;
    whole[middle..middle + 4096].fill(0xff);
    let path = bench.folder.path().join("orders.parquet");
    std::fs::write(&path, &whole).expect("a file");
    let error = bench
        .load(&path, &shop(&bench))
        .await
        .expect_err("refused")
        .to_string();
    assert!(error.contains("orders.parquet"), "{error}");
    std::fs::write(&path, &whole[..whole.len() / 2]).expect("a file");
    assert!(
        bench
            .load(&path, &shop(&bench))
            .await
            .expect_err("refused")
            .to_string()
            .contains("truncated")
    );
}
