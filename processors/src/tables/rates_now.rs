//! `rates_now`: the return rate of each value of each dimension over the last 90 days of delivery, as the last closed day left it.

use super::Writer;
use crate::rates::Rates;
use crate::rates::closed::WINDOW;
use crate::rates::level::{Dimension, Key};
use crate::rates::sold::PRICE_BANDS;
use crate::rows::Kind::{Day, Float, Int, Text};
use crate::rows::{FULL, NULL, Table};
use crate::world::World;
use eddy_events::order::Channel;
use eddy_events::returns::REASON_GROUPS;

pub(crate) const TABLE: Table = Table {
    name: "rates_now",
    schema_name: "",
    key: 2,
    comment: "Return rate of each value over its last 90 days of delivery, in units asked back, as the end of the last day of the tenant's calendar left it: \
              raw, how mature, adjusted for what is still to come, and against its peers. Gone when nothing was delivered in the window. RTO is in no figure.",
    columns: &[
        (
            "dimension",
            Text,
            FULL,
            "all; category, style, sku, `category,size`; supplier, seller, facility, packer, courier, `courier,zone` (first character of the destination), \
             state, channel, price_band.",
        ),
        ("value", Text, FULL, "Value of the dimension, pairs as `jeans,L`."),
        ("category", Text, NULL, "Category, where the value lies in one."),
        ("style", Text, NULL, "Style of a SKU."),
        ("window_start", Day, FULL, "First day of delivery."),
        (
            "window_end",
            Day,
            FULL,
            "Last day of delivery: the last day that is closed.",
        ),
        ("delivered", Int, FULL, "Pieces delivered in the window."),
        (
            "returned",
            Int,
            FULL,
            "Of those asked back, or come back, until now.",
        ),
        (
            "raw_rate",
            Float,
            FULL,
            "returned / delivered: too low while the window is young.",
        ),
        (
            "maturity",
            Float,
            FULL,
            "Share of the returns of these deliveries that has come by now, by the delay of their categories.",
        ),
        ("adjusted_rate", Float, FULL, "Expected final share returned."),
        ("lower", Float, FULL, "One in twenty such windows ends below."),
        ("upper", Float, FULL, "One in twenty such windows ends above."),
        (
            "propensity",
            Float,
            FULL,
            "Rate that such goods would have over many windows: shrunk to SKU, style and category by how much each is known.",
        ),
        (
            "propensity_lower",
            Float,
            FULL,
            "Nineteen in twenty that the propensity is above.",
        ),
        (
            "propensity_upper",
            Float,
            FULL,
            "Nineteen in twenty that it is below.",
        ),
        (
            "peer_rate",
            Float,
            FULL,
            "Rate of the category, or of the mix of categories of what was delivered; of a category, of all.",
        ),
        (
            "excess_lower",
            Float,
            FULL,
            "propensity_lower less peer_rate: positive when surely above its peers.",
        ),
        (
            "at_stake_minor",
            Int,
            NULL,
            "excess_lower x value delivered, in minor units; null where the value is not of one currency's lines.",
        ),
        (
            "delivered_value_minor",
            Int,
            FULL,
            "What the delivered pieces cost, in minor units.",
        ),
        ("returned_value_minor", Int, FULL, "What those asked back cost."),
        ("currency", Text, FULL, "ISO 4217 code, the tenant's."),
        (
            "trend",
            Float,
            NULL,
            "Adjusted rate of the last 28 days of the window less that of the 62 before, as a share.",
        ),
        (
            "top_reason",
            Text,
            NULL,
            "Group of reasons most often given, of all time.",
        ),
        (
            "top_reason_share",
            Float,
            NULL,
            "Its share of the pieces asked back.",
        ),
        (
            "prior_rate",
            Float,
            FULL,
            "What is believed of a cohort of it that has not spoken.",
        ),
        (
            "prior_strength",
            Float,
            FULL,
            "Units that this belief counts for.",
        ),
    ],
};

/// The word of a value.
pub(crate) fn word(world: &World, key: &Key) -> String {
    let (a, b) = key.value;
    let text = |symbol: u32| world.symbols.text(symbol).to_owned();
    match key.dimension {
        Dimension::All => "all".to_owned(),
        Dimension::Sku => world.sku_keys.get(a).to_owned(),
        Dimension::CategorySize => format!("{},{}", text(a), text(b)),
        Dimension::Lane => format!("{},{}", text(a), char::from(b as u8)),
        Dimension::Channel => Channel::ALL
            .get(a as usize)
            .map_or("unknown", |channel| channel.as_str())
            .to_owned(),
        Dimension::PriceBand => PRICE_BANDS.get(a as usize).copied().unwrap_or("").to_owned(),
        _ => text(a),
    }
}

#[allow(clippy::cast_precision_loss)]
pub(crate) fn write(world: &World, rates: &Rates, number: u32, rows: &mut Writer) {
    let entry = rates.levels.entries.get(number);
    let (key, level) = (&entry.key, &entry.value);
    let value = word(world, key);
    let Some(closed) = &level.closed else {
        rows.deletes.text(key.dimension.word()).text(&*value);
        return;
    };
    let excess = closed.propensity_lower - closed.peers;
    rows.upserts
        .text(key.dimension.word())
        .text(&*value)
        .text(world.symbols.word(closed.category))
        .text(world.symbols.word(closed.style))
        .day(closed.day - WINDOW + 1)
        .day(closed.day)
        .int(closed.delivered)
        .int(closed.requested)
        .float(closed.requested as f64 / closed.delivered as f64)
        .float(closed.maturity)
        .float(closed.adjusted)
        .float(closed.lower)
        .float(closed.upper)
        .float(closed.propensity)
        .float(closed.propensity_lower)
        .float(closed.propensity_upper)
        .float(closed.peers)
        .float(excess)
        .int((excess * closed.value_minor as f64).round() as i64)
        .int(closed.value_minor)
        .int(closed.requested_value_minor)
        .text(world.symbols.text(world.currency))
        .float(closed.trend)
        .text(
            closed
                .top
                .map(|(at, _)| REASON_GROUPS.get(usize::from(at)).copied().unwrap_or("other")),
        )
        .float(closed.top.map(|(_, share)| share))
        .float(closed.prior_mean)
        .float(closed.prior_strength);
}
