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
  await policy({ threshold: 0.001, failure_weight: 1, least_gain_minor: 0, valid_hours: 24 });
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

/** A return whose hub is overloaded while another has room; gives its rma. */
export async function diverted() {
  await network();
  const now = await clock(), at = now.toISOString(), rma = `PT-R-${unique()}`, order = `${rma}-O`, awb = `${rma}-B`, from = "2026-01-01T00:00:00Z";
  const hub = (facility) => event("context.facility_updated", facility, from, { facility, kind: "dark_store", pincode: "110001", inspect_per_day: 1 }, `PT-H-${facility}-${rma}`);
  const waits = Array.from({ length: 30 }, (_, i) => event("return.received", `${rma}-W${i}`, at, { rma_id: `${rma}-W${i}`, facility: "PT-FULL", lines: [{ line_id: "1", sku: "PT-KURTA-M", qty: 1 }] }, `${rma}-W${i}`));
  // Queues are those with which the tenant's day (IST) began.
  const day = 86_400_000, east = 19_800_000, next = new Date(Math.ceil((now.getTime() + east + 1) / day) * day - east + 60_000).toISOString();
  await recorded([hub("PT-FULL"), hub("PT-ROOM"), ...waits,
    event("context.tariff_published", "pt-cheap", from, { courier: "pt-cheap", zone_from: "5", zone_to: "1", base_minor: 4000, per_500g_minor: 100, transit_days: 3, valid_from: from }, `PT-TR-${rma}`),
    event("order.placed", order, next, { order_id: order, customer_id: `${rma}-C`, lines: [{ line_id: "1", sku: "PT-KURTA-M", qty: 1, unit_price_minor: 250_000 }], payment_mode: "prepaid", channel: "web", destination_pincode: "560001" }, `${rma}-1`),
    event("return.requested", rma, next, { rma_id: rma, order_id: order, lines: [{ line_id: "1", sku: "PT-KURTA-M", qty: 1, reason: "size" }], channel: "app", method: "pickup" }, `${rma}-2`),
    event("shipment.manifested", awb, next, { awb, order_id: order, leg: "reverse", rma_id: rma, courier: "pt-cheap", origin_pincode: "560001", destination_pincode: "110001", facility: "PT-FULL" }, `${rma}-3`),
    event("return.pickup_scheduled", rma, next, { rma_id: rma, awb, courier: "pt-cheap" }, `${rma}-4`)]);
  await visible(`select count(*) from routing_decisions where rma_id = '${rma}' and action = 'divert_hub'`, 1);
  return rma;
}

export const idOf = async (awb) => (await ask(`select decision_id from routing_decisions where awb = '${awb}'`))[0][0];

/** Some decision of the tests. */
export async function aDecision() {
  const known = await ask("select decision_id from routing_decisions where awb like 'PT-D-%' order by decision_id limit 1");
  return known?.[0]?.[0] ?? idOf((await parcels(1))[0]);
}
