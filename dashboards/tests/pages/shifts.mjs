// Anomalies and forecasts of the tests' own, as the tables would tell them: the pages ask as always, and the answers to these queries alone are put in their place.
const columns = ["anomaly_id", "subject", "dimension", "value", "reason_group", "direction", "onset", "window_start", "window_end", "observed", "expected", "delivered", "factor", "q_value",
  "at_stake_minor", "currency", "cause", "members", "tested", "status", "actor", "reason", "merged_into", "detected_at", "updated_at", "resolved_at", "ended"];

export const anomaly = (id, more = {}) => ({
  anomaly_id: id, subject: "return_rate", dimension: "category,size", value: "kurtas,L", reason_group: "size_fit", direction: "up", onset: "2026-03-02", window_start: "2026-03-02", window_end: "2026-03-12", observed: 141, expected: 90, delivered: 1000, factor: 1.57, q_value: 0.004,
  at_stake_minor: 7_644_900, currency: "INR", cause: JSON.stringify([{ dimension: "facility", value: "BLR1", share: 0.71, factor: 2.4, evidence: 18.2, observed: 61, expected: 25 }, { dimension: "courier", value: "ekart", share: 0.22, factor: 1.3, evidence: 2.1, observed: 40, expected: 31 }]),
  members: JSON.stringify([{ dimension: "style,size", value: "PT-KURTA,L" }]), tested: 4180, status: "open", actor: null, reason: null, merged_into: null, detected_at: "2026-03-09T18:30:00Z", updated_at: "2026-03-12T18:30:00Z", resolved_at: null, ended: null, ...more,
});
export const some = () => [anomaly("AN-1"), anomaly("AN-2", { dimension: "courier,zone", value: "ekart,5", reason_group: "damage", at_stake_minor: 2_100_000, q_value: 0.03, cause: "[]", members: "[]", observed: 40, expected: 22, delivered: 600, factor: 1.8 }),
  anomaly("AN-3", { dimension: "sku", value: "PT-KURTA-M", reason_group: null, direction: "down", at_stake_minor: 900_000, q_value: 0.08, observed: 3, expected: 6, delivered: 20, factor: 0.5, cause: "not JSON" }),
  anomaly("AN-4", { dimension: "category,size", status: "resolved", ended: "2026-02-20", onset: "2026-02-01", actor: "PT-desk", reason: "a batch was recalled" })];

const table = (names, rows, sequence = 7) => ({ columns: names.map((name) => ({ name, type: "text" })), rows: rows.map((r) => names.map((n) => r[n] ?? null)), sequence, elapsed_ms: 1 });
const day = (n) => new Date(Date.UTC(2026, 3, 1 + n)).toISOString().slice(0, 10);

/** The answer to a query about anomalies or forecasts; null for any other. */
export function answerOf(sql, list) {
  const standing = list.filter((a) => ["open", "acknowledged"].includes(a.status));
  if (/from return_forecast/.test(sql)) return table(["facility", "day", "made_on", "horizon_days", "expected", "p10", "p50", "p90", "actual", "ahead"], ["all", "BLR1"].flatMap((facility, f) => [
    ...Array.from({ length: 14 }, (_, i) => ({ facility, day: day(i), made_on: day(-1), horizon_days: i + 1, expected: 20 - 8 * f + i, p10: 12 - 8 * f, p50: 20 - 8 * f, p90: 30 + i, ahead: true })),
    ...Array.from({ length: 14 }, (_, i) => ({ facility, day: day(i - 14), made_on: day(-15), horizon_days: i + 1, expected: 20, p10: 14, p50: 20, p90: 27, actual: 15 + (i % 14), ahead: false }))]));
  if (!/from anomalies/.test(sql)) return null;
  if (/count\(\*\) as anomalies,\s+sum/.test(sql)) {
    const of = (status) => list.filter((a) => a.status === status).length, names = ["anomalies", "open", "acknowledged", "snoozed", "dismissed", "at_stake_minor", "currency", "tested", "slices"];
    return table(names, [{ anomalies: list.length, open: of("open"), acknowledged: of("acknowledged"), snoozed: of("snoozed"), dismissed: of("dismissed"), at_stake_minor: list.length ? standing.reduce((n, a) => n + a.at_stake_minor, 0) : null, currency: list[0]?.currency, tested: list[0]?.tested, slices: 4180 }]);
  }
  if (/min\(anomaly_id\)/.test(sql)) return table(["dimension", "value", "anomalies", "anomaly_id"], standing.filter((a) => ["sku", "style"].includes(a.dimension)).map((a) => ({ dimension: a.dimension, value: a.value, anomalies: 1, anomaly_id: a.anomaly_id })));
  if (/as same_value/.test(sql)) return table([...columns, "same_value"], list.filter((a) => a.status === "resolved" && !sql.includes(`'${a.anomaly_id}'`)));
  if (/dimension = 'sku' and value =/.test(sql)) return table(columns, list.filter((a) => a.dimension === "sku" && sql.includes(`value = '${a.value}'`)));
  const status = sql.match(/where case '(\w*)'/)?.[1] ?? "", search = sql.match(/lower\('([^']+)'\)\) > 0/)?.[1];
  return table(columns, (status === "" ? standing : status === "all" ? list : list.filter((a) => a.status === status)).filter((a) => !search || JSON.stringify(a).toLowerCase().includes(search.toLowerCase())));
}

/** Puts them in the place of the tables', in the shell's first rows and in what the page asks. `list` may change between answers. */
export const told = (list) => async (context) => {
  await context.route("**/v1/sql", async (route) => {
    const answer = answerOf(JSON.parse(route.request().postData() ?? "{}").sql ?? "", list);
    answer ? await route.fulfill({ contentType: "application/json", body: JSON.stringify(answer) }) : await route.continue();
  });
  await context.route((url) => ["/", "/products", "/anomalies"].includes(url.pathname) || url.pathname.startsWith("/products/"), async (route) => {
    if (route.request().resourceType() !== "document") return route.continue();
    const response = await route.fetch(), html = await response.text();
    await route.fulfill({ response, body: html.replace(/(<script type="application\/json"[^>]*>)([\s\S]*?)(<\/script>)/, (_, a, data, c) => {
      const said = JSON.parse(data), results = Object.fromEntries(Object.entries(said.results).filter(([name]) => !/anomal|forecast/.test(name)));
      return a + JSON.stringify({ ...said, results }).replaceAll("<", "\\u003c") + c;
    }) });
  });
};

/** Rows of `products` in any number, sorted by what is at stake: for windows that no small engine can fill. */
export function ranked(total, offset, { bump = 0 } = {}) {
  const names = ["value", "category", "style", "window_start", "window_end", "delivered", "returned", "raw_rate", "maturity", "adjusted_rate", "lower", "upper", "propensity", "propensity_lower", "propensity_upper", "peer_rate", "excess_lower", "at_stake_minor", "currency", "trend", "top_reason", "top_reason_share", "to_come"];
  const rows = Array.from({ length: Math.max(0, Math.min(200, total - offset)) }, (_, i) => {
    const n = offset + i, delivered = 20 + (n % 7) * 20;
    return { value: `PT-BIG-${n}`, category: "kurtas", style: `PT-T${n >> 2}`, window_start: "2026-01-03", window_end: "2026-04-02", delivered, returned: 5 + bump, raw_rate: 5 / delivered, maturity: 0.8, adjusted_rate: 0.15, lower: 0.12, upper: 0.2, propensity: 0.14, propensity_lower: 0.1, propensity_upper: 0.2, peer_rate: 0.09, excess_lower: 0.01, at_stake_minor: 100_000 * (total - n), currency: "INR", trend: 0.01, top_reason: "size_fit", top_reason_share: 0.4, to_come: 2.4 };
  });
  return table(names, rows);
}
