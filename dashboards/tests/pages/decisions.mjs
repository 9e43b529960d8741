// Decisions of the tests' own: a network of two couriers on one lane, one dear and one cheap, and a policy that sends every parcel to the cheap one.
import { base, event, post, visible } from "./browser.mjs";

let minted = 0;
const unique = () => `${Date.now().toString(36)}${(minted++).toString(36)}`;
export const ask = async (sql) => (await (await fetch(`${base}/v1/sql`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ sql }) })).json()).rows;

async function recorded(events) {
  const response = await post(events), said = await response.json();
  if (!response.ok || said.rejected?.length) throw new Error(`refused: ${JSON.stringify(said)}`);
}

/** The instant of the tables' own clock. */
export const clock = async () => new Date((await ask("select max(event_time) from eddy_meta.progress"))[0][0] ?? Date.UTC(2026, 0, 1));

/** Publishes numbers of the routing policy; gives its version. */
export async function policy(ndr) {
  const version = `PT-${unique()}`;
  // Later than any before: the latest by event time is the one in force.
  const latest = (await ask("select max(published_at) from eddy_meta.policies"))[0][0], at = new Date(Math.max(await clock(), latest ? Date.parse(latest) + 1000 : 0)).toISOString();
  await recorded([event("policy.published", "routing", at, { version, digest: "none", body: { ndr } }, version)]);
  await visible(`select count(*) from eddy_meta.policies where version = '${version}'`, 1);
  return version;
}

async function network() {
  // The dear one grows dearer by the second: what is decided last gains most and stands first in the queue.
  const at = "2026-01-01T00:00:00Z", call = unique(), dear = 90_000 + Math.floor(Date.now() / 1000) % 10_000_000, tell = (courier, base_minor) => [
    event("context.serviceability_updated", courier, at, { courier, pincode_prefix: "56", cod: true, prepaid: true, reverse: true, valid_from: at }, `PT-S-${courier}`),
    event("context.tariff_published", courier, at, { courier, zone_from: "1", zone_to: "5", base_minor, per_500g_minor: 100, rto_fee_minor: 1000, transit_days: 3, valid_from: at }, `PT-T-${courier}-${call}`),
  ];
  await recorded([...tell("pt-dear", dear), ...tell("pt-cheap", 100)]);
}

/** Parcels that were just recommended to another courier; gives their awbs. */
export async function parcels(n) {
  await network();
  await policy({ threshold: 0.001, least_gain_minor: 0, valid_hours: 24 });
  const at = (await clock()).toISOString(), awbs = Array.from({ length: n }, () => `PT-D-${unique()}`);
  await recorded(awbs.flatMap((awb) => [
    event("order.placed", `${awb}-O`, at, { order_id: `${awb}-O`, customer_id: `${awb}-C`, lines: [{ line_id: "1", sku: "PT-KURTA-M", qty: 1, unit_price_minor: 250_000 }], payment_mode: "cod", channel: "web", destination_pincode: "560001" }, `${awb}-1`),
    event("shipment.manifested", awb, at, { awb, order_id: `${awb}-O`, leg: "forward", courier: "pt-dear", origin_pincode: "110001", destination_pincode: "560001" }, `${awb}-2`),
  ]));
  await visible(`select count(*) from routing_decisions where recommended and awb in (${awbs.map((a) => `'${a}'`).join()})`, n);
  // What others do in this engine is decided as usual again.
  await policy({});
  return awbs;
}

export const idOf = async (awb) => (await ask(`select decision_id from routing_decisions where awb = '${awb}'`))[0][0];

/** Some decision of the tests. */
export async function aDecision() {
  const known = await ask("select decision_id from routing_decisions where awb like 'PT-D-%' order by decision_id limit 1");
  return known?.[0]?.[0] ?? idOf((await parcels(1))[0]);
}
