//! What happens around the parcels: weather, traffic, capacity, tariffs, calendars and reference data.
//!
//! Context arrives as events, so that a processor never asks the outside world.

use crate::rule::{self, Checked, Fault};
use crate::{Minor, Timestamp, returns, shipment};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

vocabulary! {
    /// What sort of days.
    pub enum CalendarKind {
        /// A festival.
        Festival = "festival",
        /// A public holiday.
        Holiday = "holiday",
        /// A sale.
        Sale = "sale",
    }
}

/// Weather over a region.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WeatherObserved {
    /// Leading characters of the postal codes meant.
    #[schemars(regex(pattern = r"^[A-Z0-9][A-Z0-9 -]{0,11}$"))]
    pub pincode_prefix: SmolStr,
    /// What, for instance `heavy_rain`.
    #[schemars(length(max = 4096))]
    pub condition: SmolStr,
    /// 0 (harmless) to 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub severity: f64,
    /// Valid from.
    pub valid_from: Timestamp,
    /// Valid until.
    pub valid_to: Timestamp,
}

impl Checked for WeatherObserved {
    fn check(&self) -> Result<(), Fault> {
        rule::pincode("pincode_prefix", &self.pincode_prefix)?;
        rule::text("condition", &self.condition)?;
        rule::fraction("severity", self.severity)?;
        rule::time("valid_from", self.valid_from)?;
        rule::time("valid_to", self.valid_to)?;
        rule::window("valid_to", self.valid_from, self.valid_to)?;
        Ok(())
    }
}

/// Traffic in a region.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TrafficObserved {
    /// Leading characters of the postal codes meant.
    #[schemars(regex(pattern = r"^[A-Z0-9][A-Z0-9 -]{0,11}$"))]
    pub pincode_prefix: SmolStr,
    /// 0 (free) to 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub congestion: f64,
    /// Valid from.
    pub valid_from: Timestamp,
    /// Valid until.
    pub valid_to: Timestamp,
}

impl Checked for TrafficObserved {
    fn check(&self) -> Result<(), Fault> {
        rule::pincode("pincode_prefix", &self.pincode_prefix)?;
        rule::fraction("congestion", self.congestion)?;
        rule::time("valid_from", self.valid_from)?;
        rule::time("valid_to", self.valid_to)?;
        rule::window("valid_to", self.valid_from, self.valid_to)?;
        Ok(())
    }
}

/// What a courier can carry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CourierCapacityUpdated {
    /// Courier: the subject.
    #[schemars(length(min = 1, max = 256))]
    pub courier: SmolStr,
    /// Leading characters of the postal codes meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[A-Z0-9][A-Z0-9 -]{0,11}$"))]
    pub pincode_prefix: Option<SmolStr>,
    /// Which way.
    pub leg: shipment::Leg,
    /// Parcels a day.
    pub capacity: u32,
    /// Valid from.
    pub valid_from: Timestamp,
    /// Valid until.
    pub valid_to: Timestamp,
}

impl Checked for CourierCapacityUpdated {
    fn check(&self) -> Result<(), Fault> {
        rule::id("courier", &self.courier)?;
        rule::text_if_given("pincode_prefix", &self.pincode_prefix, rule::pincode)?;
        rule::time("valid_from", self.valid_from)?;
        rule::time("valid_to", self.valid_to)?;
        rule::window("valid_to", self.valid_from, self.valid_to)?;
        Ok(())
    }
}

/// Where and how a courier delivers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ServiceabilityUpdated {
    /// Courier: the subject.
    #[schemars(length(min = 1, max = 256))]
    pub courier: SmolStr,
    /// Leading characters of the postal codes meant.
    #[schemars(regex(pattern = r"^[A-Z0-9][A-Z0-9 -]{0,11}$"))]
    pub pincode_prefix: SmolStr,
    /// Takes cash on delivery.
    pub cod: bool,
    /// Takes prepaid parcels.
    pub prepaid: bool,
    /// Collects returns.
    pub reverse: bool,
    /// Heaviest parcel in grams.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_weight_g: Option<u32>,
    /// Most cash in minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000_000_000_i64))]
    pub max_cod_minor: Option<Minor>,
    /// Nothing is taken at present.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embargo: Option<bool>,
    /// Valid from.
    pub valid_from: Timestamp,
}

impl Checked for ServiceabilityUpdated {
    fn check(&self) -> Result<(), Fault> {
        rule::id("courier", &self.courier)?;
        rule::pincode("pincode_prefix", &self.pincode_prefix)?;
        rule::if_given("max_cod_minor", self.max_cod_minor, rule::amount)?;
        rule::time("valid_from", self.valid_from)?;
        Ok(())
    }
}

/// A courier's prices between two zones. A zone is a pincode prefix, one digit by default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TariffPublished {
    /// Courier: the subject.
    #[schemars(length(min = 1, max = 256))]
    pub courier: SmolStr,
    /// Zone of pickup.
    #[schemars(regex(pattern = r"^[A-Z0-9][A-Z0-9 -]{0,11}$"))]
    pub zone_from: SmolStr,
    /// Zone of delivery.
    #[schemars(regex(pattern = r"^[A-Z0-9][A-Z0-9 -]{0,11}$"))]
    pub zone_to: SmolStr,
    /// Base price in minor units.
    #[schemars(range(min = 0, max = 1_000_000_000_000_i64))]
    pub base_minor: Minor,
    /// Price for each further 500 g in minor units.
    #[schemars(range(min = 0, max = 1_000_000_000_000_i64))]
    pub per_500g_minor: Minor,
    /// Fee for cash in minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000_000_000_i64))]
    pub cod_fee_minor: Option<Minor>,
    /// Fee for the way back in minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000_000_000_i64))]
    pub rto_fee_minor: Option<Minor>,
    /// Days in transit.
    pub transit_days: u16,
    /// Valid from.
    pub valid_from: Timestamp,
}

impl Checked for TariffPublished {
    fn check(&self) -> Result<(), Fault> {
        rule::id("courier", &self.courier)?;
        rule::pincode("zone_from", &self.zone_from)?;
        rule::pincode("zone_to", &self.zone_to)?;
        rule::amount("base_minor", self.base_minor)?;
        rule::amount("per_500g_minor", self.per_500g_minor)?;
        rule::if_given("cod_fee_minor", self.cod_fee_minor, rule::amount)?;
        rule::if_given("rto_fee_minor", self.rto_fee_minor, rule::amount)?;
        rule::time("valid_from", self.valid_from)?;
        Ok(())
    }
}

/// Days that are not like others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CalendarPublished {
    /// Name of the calendar: the subject.
    #[schemars(length(min = 1, max = 256))]
    pub name: SmolStr,
    /// What sort of days.
    pub kind: CalendarKind,
    /// Valid from.
    pub valid_from: Timestamp,
    /// Valid until.
    pub valid_to: Timestamp,
    /// Leading characters of the postal codes meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[A-Z0-9][A-Z0-9 -]{0,11}$"))]
    pub pincode_prefix: Option<SmolStr>,
}

impl Checked for CalendarPublished {
    fn check(&self) -> Result<(), Fault> {
        rule::id("name", &self.name)?;
        rule::time("valid_from", self.valid_from)?;
        rule::time("valid_to", self.valid_to)?;
        rule::text_if_given("pincode_prefix", &self.pincode_prefix, rule::pincode)?;
        rule::window("valid_to", self.valid_from, self.valid_to)?;
        Ok(())
    }
}

/// An article of the catalogue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CatalogueItemUpdated {
    /// Stock keeping unit: the subject.
    #[schemars(length(min = 1, max = 256))]
    pub sku: SmolStr,
    /// Style it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub style: Option<SmolStr>,
    /// Category.
    #[schemars(length(min = 1, max = 256))]
    pub category: SmolStr,
    /// Size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub size: Option<SmolStr>,
    /// Price in minor units.
    #[schemars(range(min = 0, max = 1_000_000_000_000_i64))]
    pub price_minor: Minor,
    /// Cost in minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000_000_000_i64))]
    pub cost_minor: Option<Minor>,
    /// Weight in grams.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_g: Option<u32>,
    /// Breaks easily.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fragile: Option<bool>,
    /// Pieces carry serial numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serialised: Option<bool>,
    /// Days in which it may come back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returnable_days: Option<u16>,
    /// Supplier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub supplier_id: Option<SmolStr>,
}

impl Checked for CatalogueItemUpdated {
    fn check(&self) -> Result<(), Fault> {
        rule::id("sku", &self.sku)?;
        rule::text_if_given("style", &self.style, rule::id)?;
        rule::id("category", &self.category)?;
        rule::text_if_given("size", &self.size, rule::id)?;
        rule::amount("price_minor", self.price_minor)?;
        rule::if_given("cost_minor", self.cost_minor, rule::amount)?;
        rule::text_if_given("supplier_id", &self.supplier_id, rule::id)?;
        Ok(())
    }
}

/// A postal code and where it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PincodePublished {
    /// Postal code: the subject.
    #[schemars(regex(pattern = r"^[A-Z0-9][A-Z0-9 -]{0,11}$"))]
    pub pincode: SmolStr,
    /// District.
    #[schemars(length(max = 4096))]
    pub district: SmolStr,
    /// State.
    #[schemars(length(max = 4096))]
    pub state: SmolStr,
    /// Tier of the city, 1 to 4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 4))]
    pub tier: Option<u8>,
    /// Latitude in degrees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -90.0, max = 90.0))]
    pub lat: Option<f64>,
    /// Longitude in degrees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -180.0, max = 180.0))]
    pub lon: Option<f64>,
}

impl Checked for PincodePublished {
    fn check(&self) -> Result<(), Fault> {
        rule::pincode("pincode", &self.pincode)?;
        rule::text("district", &self.district)?;
        rule::text("state", &self.state)?;
        rule::if_given("tier", self.tier, rule::tier)?;
        rule::if_given("lat", self.lat, rule::latitude)?;
        rule::if_given("lon", self.lon, rule::longitude)?;
        Ok(())
    }
}

/// A place that handles returns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FacilityUpdated {
    /// Facility: the subject.
    #[schemars(length(min = 1, max = 256))]
    pub facility: SmolStr,
    /// What sort of place.
    pub kind: returns::FacilityKind,
    /// Postal code.
    #[schemars(regex(pattern = r"^[A-Z0-9][A-Z0-9 -]{0,11}$"))]
    pub pincode: SmolStr,
    /// Pieces it can inspect a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inspect_per_day: Option<u32>,
    /// Pieces it can restock a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restock_per_day: Option<u32>,
}

impl Checked for FacilityUpdated {
    fn check(&self) -> Result<(), Fault> {
        rule::id("facility", &self.facility)?;
        rule::pincode("pincode", &self.pincode)?;
        Ok(())
    }
}
