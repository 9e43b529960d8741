// Suspected returns of the tests' own: empty boxes and decoys, each of an order with its whole way out and back, by customers who share a phone and an address.
import { event, post, visible } from "./browser.mjs";
import { ask, clock } from "./decisions.mjs";

let minted = 0;
export const unique = () => `${Date.now().toString(36)}${(minted++).toString(36)}`;
const day = 86_400_000;

export async function recorded(events) {
  const response = await post(events), said = await response.json();
  if (!response.ok || said.rejected?.length) throw new Error(`refused: ${JSON.stringify(said)}`);
}

/** A return whose parcel weighed 1,050 g on the way out; `back` grams came in, and the inspection says `match`. */
function story(id, at, { price, pickup, back, match, phone }) {
  const o = `${id}-O`, r = `${id}-R`, out = `${id}-A`, home = `${id}-B`, customer = `${id}-C`, sku = "PT-PHONE", line = { line_id: "1", sku, qty: 1 }, on = (days) => new Date(at + days * day).toISOString();
  const e = (n, type, subject, days, data) => event(type, subject, on(days), data, `${id}-${n}`);
  return [
    e(1, "order.placed", o, 0, { order_id: o, customer_id: customer, lines: [{ ...line, category: "phone", unit_price_minor: price }], payment_mode: "prepaid", channel: "web", destination_pincode: "560001", instrument_hash: `ih-${id}`, phone_hash: phone, address_hash: `ad-${phone}` }),
    e(2, "shipment.manifested", out, 0.3, { awb: out, order_id: o, leg: "forward", courier: "delhivery", origin_pincode: "110001", destination_pincode: "560001", weight_g: 1050, lines: [{ ...line, serial: `SN-${id}` }] }),
    e(3, "shipment.delivered", out, 2, { awb: out, proof: { otp: true, gps: true } }),
    e(4, "return.requested", r, 5, { rma_id: r, order_id: o, customer_id: customer, lines: [{ ...line, reason: "changed_mind" }], channel: "web", method: "pickup" }),
    e(5, "shipment.manifested", home, 6, { awb: home, order_id: o, leg: "reverse", rma_id: r, courier: "delhivery", origin_pincode: "560001", destination_pincode: "110001" }),
    e(6, "shipment.picked_up", home, 6.2, { awb: home, weight_g: pickup }),
    e(7, "return.received", r, 9, { rma_id: r, facility: "BLR1", lines: [line], weight_g: back }),
    e(8, "return.inspected", r, 9.5, { rma_id: r, line_id: "1", facility: "BLR1", grade: "reject", match }),
  ];
}

async function raised(pattern, ids, shape) {
  const at = (await clock()).getTime() - 12 * day, phone = `ph-${ids[0]}`;
  await recorded([event("context.catalogue_item_updated", "PT-PHONE", "2026-01-01T00:00:00Z", { sku: "PT-PHONE", category: "phone", price_minor: 900_000, weight_g: 1000, returnable_days: 10 }, "PT-PHONE-1"), ...ids.flatMap((id) => story(id, at, { price: 900_000, phone, ...shape }))]);
  const list = ids.map((id) => `'${id}-R'`).join();
  await visible(`select count(*) from fraud_alerts where pattern = '${pattern}' and rma_id in (${list})`, ids.length);
  const found = await ask(`select rma_id, alert_id from fraud_alerts where pattern = '${pattern}' and rma_id in (${list})`);
  return ids.map((id) => found.find(([rma]) => rma === `${id}-R`)[1]);
}
const named = (n) => Array.from({ length: n }, () => `PT-S-${unique()}`);

/** Alerts of parcels that were light from the start; the dearer ones stand first in the queue. */
export const emptyBoxes = (n, price = 900_000) => raised("empty_box", named(n), { price, pickup: 200, back: 190, match: "parts_missing" });
/** Alerts of other goods than were sold. */
export const decoys = (n, price = 900_000) => raised("decoy", named(n), { price, pickup: 900, back: 880, match: "mismatch_class" });

export const alertRow = async (id, columns) => (await ask(`select ${columns} from fraud_alerts where alert_id = '${id}'`))[0];

/** Some alert of the tests. */
export async function anAlert() {
  const known = await ask("select alert_id from fraud_alerts where rma_id like 'PT-S-%' order by alert_id limit 1");
  return known?.[0]?.[0] ?? (await emptyBoxes(1))[0];
}
