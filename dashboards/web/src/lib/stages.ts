// The path of an event as the strip shows it: for each stage the names under which the engine may expose its rate, lag and latency.
// The first name that is there counts; a stage without one shows a dash, never a made-up figure.
export interface Stage { id: string; title: string; does: string; rates: readonly string[]; unit: string; latency: readonly string[]; of: string; lag?: readonly string[]; lagUnit?: "batches" }

export const stages: readonly Stage[] = [
  { id: "ingest", title: "Ingest", does: "validate, map", rates: ["eddy_ingest_events_accepted_total"], unit: "events/s", latency: ["eddy_ingest_ack_seconds"], of: "a request" },
  { id: "log", title: "Log", does: "append, fsync", rates: ["eddy_log_appended_events_total"], unit: "events/s", latency: ["eddy_log_publish_seconds"], of: "a publish" },
  { id: "fold", title: "Fold", does: "decode, project", rates: ["eddy_fold_events_total"], unit: "events/s", latency: ["eddy_fold_apply_seconds"], of: "a batch", lag: ["eddy_fold_lag_messages"], lagUnit: "batches" },
  { id: "derived", title: "Derived", does: "publish outputs", rates: ["eddy_log_derived_outputs_total"], unit: "outputs/s", latency: ["eddy_log_derived_publish_seconds"], of: "a publish" },
  { id: "tables", title: "Tables", does: "upsert, snapshot", rates: ["eddy_tables_rows_applied_total"], unit: "rows/s", latency: ["eddy_fold_visible_seconds"], of: "log to visible" },
  { id: "queries", title: "Queries", does: "pages, psql, HTTP", rates: ["eddy_query_seconds_count"], unit: "queries/s", latency: ["eddy_query_seconds"], of: "a query" },
];
