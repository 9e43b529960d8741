//! Where the world lies: cities of India with their postal prefixes, pincodes inside them, facilities and distances.
//!
//! The table is general knowledge, rounded: which prefix belongs to which city, roughly where it is and how many buy there. Pincodes within a
//! prefix are drawn, so a pincode here need not exist.

use eddy_events::SmolStr;
use eddy_events::returns::FacilityKind;
use smol_str::format_smolstr;

use crate::chance::{Rng, gauss, hash, pick_cumulative};

/// Name, state, first and last prefix, tier, weight, latitude, longitude.
type CityRow = (&'static str, &'static str, u16, u16, u8, f64, f64, f64);

#[rustfmt::skip]
const CITIES: &[CityRow] = &[
    ("New Delhi", "Delhi", 110, 110, 1, 90.0, 28.6, 77.2), ("Gurugram", "Haryana", 122, 122, 1, 24.0, 28.5, 77.0),
    ("Faridabad", "Haryana", 121, 121, 2, 12.0, 28.4, 77.3), ("Ghaziabad", "Uttar Pradesh", 201, 201, 2, 26.0, 28.7, 77.4),
    ("Mumbai", "Maharashtra", 400, 400, 1, 88.0, 19.1, 72.9), ("Thane", "Maharashtra", 401, 401, 2, 16.0, 19.2, 73.0),
    ("Kalyan", "Maharashtra", 421, 421, 2, 12.0, 19.2, 73.1), ("Navi Mumbai", "Maharashtra", 410, 410, 2, 13.0, 19.0, 73.1),
    ("Pune", "Maharashtra", 411, 412, 1, 44.0, 18.5, 73.9), ("Nagpur", "Maharashtra", 440, 441, 2, 15.0, 21.1, 79.1),
    ("Nashik", "Maharashtra", 422, 423, 2, 10.0, 20.0, 73.8), ("Aurangabad", "Maharashtra", 431, 431, 3, 7.0, 19.9, 75.3),
    ("Solapur", "Maharashtra", 413, 413, 3, 5.0, 17.7, 75.9), ("Kolhapur", "Maharashtra", 416, 416, 3, 5.0, 16.7, 74.2),
    ("Amravati", "Maharashtra", 444, 444, 3, 4.0, 20.9, 77.8), ("Jalgaon", "Maharashtra", 425, 425, 3, 3.5, 21.0, 75.6),
    ("Bengaluru", "Karnataka", 560, 562, 1, 98.0, 13.0, 77.6), ("Mysuru", "Karnataka", 570, 571, 2, 9.0, 12.3, 76.6),
    ("Hubballi", "Karnataka", 580, 580, 3, 5.0, 15.4, 75.1), ("Mangaluru", "Karnataka", 574, 575, 2, 7.0, 12.9, 74.8),
    ("Belagavi", "Karnataka", 590, 591, 3, 4.5, 15.9, 74.5), ("Davanagere", "Karnataka", 577, 577, 3, 3.5, 14.5, 75.9),
    ("Kalaburagi", "Karnataka", 585, 585, 4, 2.5, 17.3, 76.8), ("Chennai", "Tamil Nadu", 600, 603, 1, 62.0, 13.1, 80.3),
    ("Coimbatore", "Tamil Nadu", 641, 642, 2, 15.0, 11.0, 77.0), ("Madurai", "Tamil Nadu", 625, 625, 2, 8.0, 9.9, 78.1),
    ("Tiruchirappalli", "Tamil Nadu", 620, 621, 3, 6.0, 10.8, 78.7), ("Salem", "Tamil Nadu", 636, 637, 3, 6.0, 11.7, 78.1),
    ("Tirunelveli", "Tamil Nadu", 627, 627, 3, 4.0, 8.7, 77.7), ("Vellore", "Tamil Nadu", 632, 632, 3, 4.0, 12.9, 79.1),
    ("Erode", "Tamil Nadu", 638, 638, 3, 4.0, 11.3, 77.7), ("Thanjavur", "Tamil Nadu", 613, 613, 3, 2.5, 10.8, 79.1),
    ("Nagercoil", "Tamil Nadu", 629, 629, 3, 3.0, 8.2, 77.4), ("Hosur", "Tamil Nadu", 635, 635, 3, 3.0, 12.7, 77.8),
    ("Hyderabad", "Telangana", 500, 502, 1, 76.0, 17.4, 78.5), ("Warangal", "Telangana", 506, 506, 3, 4.0, 18.0, 79.6),
    ("Karimnagar", "Telangana", 505, 505, 3, 3.5, 18.4, 79.1), ("Vijayawada", "Andhra Pradesh", 520, 521, 2, 9.0, 16.5, 80.6),
    ("Visakhapatnam", "Andhra Pradesh", 530, 531, 2, 11.0, 17.7, 83.3), ("Guntur", "Andhra Pradesh", 522, 522, 3, 5.0, 16.3, 80.4),
    ("Tirupati", "Andhra Pradesh", 517, 517, 3, 4.0, 13.6, 79.4), ("Nellore", "Andhra Pradesh", 524, 524, 3, 3.5, 14.4, 80.0),
    ("Kurnool", "Andhra Pradesh", 518, 518, 4, 3.0, 15.8, 78.0), ("Rajahmundry", "Andhra Pradesh", 533, 533, 3, 4.0, 17.0, 81.8),
    ("Kolkata", "West Bengal", 700, 700, 1, 54.0, 22.6, 88.4), ("Howrah", "West Bengal", 711, 711, 2, 9.0, 22.6, 88.3),
    ("Durgapur", "West Bengal", 713, 713, 3, 5.0, 23.5, 87.3), ("Siliguri", "West Bengal", 734, 734, 3, 5.0, 26.7, 88.4),
    ("Kharagpur", "West Bengal", 721, 721, 3, 4.0, 22.3, 87.3), ("Malda", "West Bengal", 732, 732, 4, 2.5, 25.0, 88.1),
    ("Patna", "Bihar", 800, 801, 2, 17.0, 25.6, 85.1), ("Gaya", "Bihar", 823, 823, 3, 4.0, 24.8, 85.0),
    ("Muzaffarpur", "Bihar", 842, 842, 3, 4.5, 26.1, 85.4), ("Bhagalpur", "Bihar", 812, 812, 3, 3.5, 25.2, 87.0),
    ("Darbhanga", "Bihar", 846, 846, 4, 3.5, 26.2, 85.9), ("Purnia", "Bihar", 854, 854, 4, 2.5, 25.8, 87.5),
    ("Ranchi", "Jharkhand", 834, 835, 2, 8.0, 23.3, 85.3), ("Jamshedpur", "Jharkhand", 831, 832, 2, 6.0, 22.8, 86.2),
    ("Dhanbad", "Jharkhand", 826, 826, 3, 4.5, 23.8, 86.4), ("Bokaro", "Jharkhand", 827, 827, 3, 2.5, 23.7, 86.1),
    ("Bhubaneswar", "Odisha", 751, 752, 2, 10.0, 20.3, 85.8), ("Cuttack", "Odisha", 753, 754, 3, 5.0, 20.5, 85.9),
    ("Rourkela", "Odisha", 769, 769, 3, 3.0, 22.3, 84.9), ("Sambalpur", "Odisha", 768, 768, 4, 2.5, 21.5, 84.0),
    ("Berhampur", "Odisha", 760, 760, 4, 2.5, 19.3, 84.8), ("Guwahati", "Assam", 781, 781, 2, 10.0, 26.1, 91.7),
    ("Silchar", "Assam", 788, 788, 4, 2.5, 24.8, 92.8), ("Dibrugarh", "Assam", 786, 786, 4, 2.5, 27.5, 94.9),
    ("Shillong", "Meghalaya", 793, 793, 3, 2.5, 25.6, 91.9), ("Agartala", "Tripura", 799, 799, 3, 2.5, 23.8, 91.3),
    ("Imphal", "Manipur", 795, 795, 4, 2.0, 24.8, 93.9), ("Aizawl", "Mizoram", 796, 796, 4, 1.5, 23.7, 92.7),
    ("Kohima", "Nagaland", 797, 797, 4, 1.2, 25.7, 94.1), ("Itanagar", "Arunachal Pradesh", 791, 791, 4, 1.2, 27.1, 93.6),
    ("Gangtok", "Sikkim", 737, 737, 4, 1.2, 27.3, 88.6), ("Lucknow", "Uttar Pradesh", 226, 227, 2, 24.0, 26.8, 80.9),
    ("Kanpur", "Uttar Pradesh", 208, 209, 2, 14.0, 26.4, 80.3), ("Varanasi", "Uttar Pradesh", 221, 221, 2, 9.0, 25.3, 83.0),
    ("Prayagraj", "Uttar Pradesh", 211, 212, 2, 8.0, 25.4, 81.8), ("Agra", "Uttar Pradesh", 282, 283, 2, 8.0, 27.2, 78.0),
    ("Meerut", "Uttar Pradesh", 250, 250, 2, 7.0, 29.0, 77.7), ("Bareilly", "Uttar Pradesh", 243, 243, 3, 5.0, 28.4, 79.4),
    ("Aligarh", "Uttar Pradesh", 202, 202, 3, 5.0, 27.9, 78.1), ("Moradabad", "Uttar Pradesh", 244, 244, 3, 4.5, 28.8, 78.8),
    ("Gorakhpur", "Uttar Pradesh", 273, 273, 3, 5.5, 26.8, 83.4), ("Jhansi", "Uttar Pradesh", 284, 284, 3, 3.5, 25.4, 78.6),
    ("Mathura", "Uttar Pradesh", 281, 281, 3, 4.0, 27.5, 77.7), ("Saharanpur", "Uttar Pradesh", 247, 247, 3, 3.5, 29.97, 77.5),
    ("Azamgarh", "Uttar Pradesh", 276, 276, 4, 3.0, 26.1, 83.2), ("Dehradun", "Uttarakhand", 248, 248, 2, 8.0, 30.3, 78.0),
    ("Haridwar", "Uttarakhand", 249, 249, 3, 4.5, 29.9, 78.2), ("Haldwani", "Uttarakhand", 263, 263, 3, 3.5, 29.2, 79.5),
    ("Jaipur", "Rajasthan", 302, 303, 2, 26.0, 26.9, 75.8), ("Jodhpur", "Rajasthan", 342, 342, 2, 7.0, 26.3, 73.0),
    ("Udaipur", "Rajasthan", 313, 313, 3, 5.0, 24.6, 73.7), ("Kota", "Rajasthan", 324, 325, 3, 5.5, 25.2, 75.8),
    ("Ajmer", "Rajasthan", 305, 305, 3, 4.0, 26.4, 74.6), ("Bikaner", "Rajasthan", 334, 334, 3, 3.5, 28.0, 73.3),
    ("Alwar", "Rajasthan", 301, 301, 3, 4.0, 27.6, 76.6), ("Sikar", "Rajasthan", 332, 332, 4, 3.0, 27.6, 75.1),
    ("Ahmedabad", "Gujarat", 380, 380, 1, 36.0, 23.0, 72.6), ("Gandhinagar", "Gujarat", 382, 382, 2, 8.0, 23.2, 72.7),
    ("Surat", "Gujarat", 394, 395, 2, 20.0, 21.2, 72.8), ("Vadodara", "Gujarat", 390, 391, 2, 12.0, 22.3, 73.2),
    ("Rajkot", "Gujarat", 360, 360, 2, 8.0, 22.3, 70.8), ("Bhavnagar", "Gujarat", 364, 364, 3, 3.0, 21.8, 72.1),
    ("Jamnagar", "Gujarat", 361, 361, 3, 3.0, 22.5, 70.1), ("Anand", "Gujarat", 388, 388, 3, 3.0, 22.6, 72.9),
    ("Vapi", "Gujarat", 396, 396, 3, 3.5, 20.4, 72.9), ("Bhuj", "Gujarat", 370, 370, 4, 2.5, 23.2, 69.7),
    ("Bhopal", "Madhya Pradesh", 462, 462, 2, 12.0, 23.3, 77.4), ("Indore", "Madhya Pradesh", 452, 453, 2, 16.0, 22.7, 75.9),
    ("Gwalior", "Madhya Pradesh", 474, 474, 3, 5.5, 26.2, 78.2), ("Jabalpur", "Madhya Pradesh", 482, 482, 3, 5.0, 23.2, 79.9),
    ("Ujjain", "Madhya Pradesh", 456, 456, 3, 3.5, 23.2, 75.8), ("Sagar", "Madhya Pradesh", 470, 470, 4, 2.5, 23.8, 78.7),
    ("Rewa", "Madhya Pradesh", 486, 486, 4, 2.5, 24.5, 81.3), ("Raipur", "Chhattisgarh", 492, 493, 2, 8.0, 21.3, 81.6),
    ("Bhilai", "Chhattisgarh", 490, 491, 3, 5.0, 21.2, 81.4), ("Bilaspur", "Chhattisgarh", 495, 495, 3, 3.5, 22.1, 82.1),
    ("Chandigarh", "Chandigarh", 160, 160, 2, 14.0, 30.7, 76.8), ("Ludhiana", "Punjab", 141, 141, 2, 10.0, 30.9, 75.9),
    ("Amritsar", "Punjab", 143, 143, 2, 7.0, 31.6, 74.9), ("Jalandhar", "Punjab", 144, 144, 2, 6.5, 31.3, 75.6),
    ("Patiala", "Punjab", 147, 147, 3, 4.0, 30.3, 76.4), ("Bathinda", "Punjab", 151, 151, 3, 3.5, 30.2, 74.9),
    ("Panipat", "Haryana", 132, 132, 3, 5.0, 29.4, 77.0), ("Hisar", "Haryana", 125, 125, 3, 4.5, 29.2, 75.7),
    ("Rohtak", "Haryana", 124, 124, 3, 4.5, 28.9, 76.6), ("Ambala", "Haryana", 133, 133, 3, 4.0, 30.4, 76.8),
    ("Shimla", "Himachal Pradesh", 171, 171, 3, 2.5, 31.1, 77.2), ("Mandi", "Himachal Pradesh", 175, 175, 4, 2.0, 31.7, 76.9),
    ("Jammu", "Jammu and Kashmir", 180, 180, 3, 5.0, 32.7, 74.9), ("Srinagar", "Jammu and Kashmir", 190, 190, 3, 4.0, 34.1, 74.8),
    ("Kochi", "Kerala", 682, 683, 2, 17.0, 10.0, 76.3), ("Thiruvananthapuram", "Kerala", 695, 695, 2, 11.0, 8.5, 76.9),
    ("Kozhikode", "Kerala", 673, 673, 2, 9.0, 11.3, 75.8), ("Thrissur", "Kerala", 680, 680, 3, 7.0, 10.5, 76.2),
    ("Kollam", "Kerala", 691, 691, 3, 4.5, 8.9, 76.6), ("Kannur", "Kerala", 670, 670, 3, 4.5, 11.9, 75.4),
    ("Palakkad", "Kerala", 678, 678, 3, 4.0, 10.8, 76.7), ("Kottayam", "Kerala", 686, 686, 3, 4.0, 9.6, 76.5),
    ("Panaji", "Goa", 403, 403, 2, 6.0, 15.5, 73.8), ("Puducherry", "Puducherry", 605, 605, 3, 3.5, 11.9, 79.8),
    ("Port Blair", "Andaman and Nicobar Islands", 744, 744, 4, 1.0, 11.6, 92.7),
];

/// City names of the warehouses, chosen as the trade chooses them: by the ring road of a metro.
const WAREHOUSES: [&str; 8] = [
    "Gurugram",
    "Kalyan",
    "Bengaluru",
    "Hyderabad",
    "Howrah",
    "Chennai",
    "Gandhinagar",
    "Lucknow",
];

/// One postal prefix: three digits.
#[derive(Clone, Debug)]
pub(crate) struct Prefix {
    pub code: SmolStr,
    /// Index of its city.
    pub city: u16,
    pub state: &'static str,
    pub city_name: &'static str,
    pub tier: u8,
    pub lat: f64,
    pub lon: f64,
    pub first_pincode: u32,
    pub pincodes: u32,
}

/// One building where goods leave or come back.
#[derive(Clone, Debug)]
pub(crate) struct Facility {
    pub code: SmolStr,
    pub source: SmolStr,
    pub kind: FacilityKind,
    pub prefix: u16,
    pub pincode: SmolStr,
    /// Return lines inspected a day.
    pub inspect_per_day: u32,
    pub restock_per_day: u32,
}

/// A place of delivery.
#[derive(Clone, Debug)]
pub(crate) struct Pincode {
    pub code: SmolStr,
    pub prefix: u16,
}

#[derive(Debug)]
pub(crate) struct Geography {
    pub prefixes: Vec<Prefix>,
    pub pincodes: Vec<Pincode>,
    pub facilities: Vec<Facility>,
    /// Number of warehouses; they come first in `facilities`, then dark stores, then stores.
    pub warehouses: usize,
    pub dark_stores: usize,
    /// Kilometres from facility to prefix, row by facility.
    distance: Vec<f32>,
    prefix_sums: Vec<f64>,
    /// For each prefix: dark store and store of the same city, if any.
    pub dark_store_of: Vec<Option<u16>>,
    pub store_of: Vec<Option<u16>>,
    /// For each prefix: warehouses from the nearest to the farthest.
    pub nearest: Vec<[u8; 8]>,
}

fn kilometres(a: (f64, f64), b: (f64, f64)) -> f64 {
    let (la, lb) = (a.0.to_radians(), b.0.to_radians());
    let h = ((lb - la) / 2.0).sin().powi(2)
        + la.cos() * lb.cos() * ((b.1 - a.1).to_radians() / 2.0).sin().powi(2);
    12_742.0 * h.sqrt().asin()
}

impl Geography {
    /// `returns_a_day` sizes the inspection desks.
    pub(crate) fn new(seed: u64, returns_a_day: f64) -> Self {
        let (mut prefixes, mut pincodes, mut sums, mut total) = (Vec::new(), Vec::new(), Vec::new(), 0.0);
        for (city, &(city_name, state, first, last, tier, weight, lat, lon)) in CITIES.iter().enumerate() {
            for number in first..=last {
                let index = prefixes.len() as u16;
                let share = weight / f64::from(last - first + 1);
                total += share;
                sums.push(total);
                let count = (6.0 + share.sqrt() * 3.0) as u32;
                let first_pincode = pincodes.len() as u32;
                let mut rng = Rng::new(seed, 101, &[u64::from(number)]);
                let mut used = Vec::new();
                while used.len() < count as usize {
                    let tail = rng.between(1, 110);
                    if !used.contains(&tail) {
                        used.push(tail);
                        pincodes.push(Pincode {
                            code: format_smolstr!("{number}{tail:03}"),
                            prefix: index,
                        });
                    }
                }
                prefixes.push(Prefix {
                    code: format_smolstr!("{number}"),
                    city: city as u16,
                    state,
                    city_name,
                    tier,
                    lat,
                    lon,
                    first_pincode,
                    pincodes: count,
                });
            }
        }
        let mut geography = Self {
            facilities: Vec::new(),
            warehouses: 0,
            dark_stores: 0,
            distance: Vec::new(),
            prefix_sums: sums,
            dark_store_of: vec![None; prefixes.len()],
            store_of: vec![None; prefixes.len()],
            nearest: Vec::new(),
            prefixes,
            pincodes,
        };
        geography.build_facilities(returns_a_day);
        geography.measure();
        geography
    }

    fn build_facilities(&mut self, returns_a_day: f64) {
        let find = |g: &Self, name: &str| g.prefixes.iter().position(|p| p.city_name == name).unwrap_or(0);
        for name in WAREHOUSES {
            let prefix = find(self, name);
            self.add_facility("WH", FacilityKind::Warehouse, prefix, returns_a_day * 0.25);
        }
        self.warehouses = self.facilities.len();
        let metro: Vec<usize> = (0..self.prefixes.len())
            .filter(|&p| self.prefixes[p].tier == 1)
            .collect();
        for prefix in metro {
            self.add_facility("DS", FacilityKind::DarkStore, prefix, returns_a_day * 0.03);
            let (facility, city) = (self.facilities.len() as u16 - 1, self.prefixes[prefix].city);
            for p in 0..self.prefixes.len() {
                if self.prefixes[p].city == city && (p == prefix || self.dark_store_of[p].is_none()) {
                    self.dark_store_of[p] = Some(facility);
                }
            }
        }
        self.dark_stores = self.facilities.len() - self.warehouses;
        let mut last_city = u16::MAX;
        for prefix in 0..self.prefixes.len() {
            let (tier, city) = (self.prefixes[prefix].tier, self.prefixes[prefix].city);
            if tier <= 2 && city != last_city {
                last_city = city;
                self.add_facility("ST", FacilityKind::Store, prefix, returns_a_day * 0.02);
                let facility = self.facilities.len() as u16 - 1;
                for p in 0..self.prefixes.len() {
                    if self.prefixes[p].city == city {
                        self.store_of[p] = Some(facility);
                    }
                }
            }
        }
    }

    fn add_facility(&mut self, kind_code: &str, kind: FacilityKind, prefix: usize, inspect: f64) {
        let p = &self.prefixes[prefix];
        let code = format_smolstr!("{kind_code}{}", p.code);
        let inspect_per_day = inspect.ceil().max(4.0) as u32;
        self.facilities.push(Facility {
            source: format_smolstr!("urn:wms:{}", code.to_lowercase()),
            code,
            kind,
            prefix: prefix as u16,
            pincode: self.pincodes[p.first_pincode as usize].code.clone(),
            inspect_per_day,
            restock_per_day: inspect_per_day + inspect_per_day / 3,
        });
    }

    fn measure(&mut self) {
        for f in &self.facilities {
            let from = &self.prefixes[f.prefix as usize];
            for to in &self.prefixes {
                self.distance
                    .push(kilometres((from.lat, from.lon), (to.lat, to.lon)) as f32);
            }
        }
        for p in 0..self.prefixes.len() {
            let mut order: Vec<u8> = (0..self.warehouses as u8).collect();
            order.sort_by(|&a, &b| self.km(a as usize, p).total_cmp(&self.km(b as usize, p)));
            let mut row = [0; 8];
            row.copy_from_slice(&order);
            self.nearest.push(row);
        }
    }

    /// Kilometres from a facility to a prefix, as the crow flies.
    pub(crate) fn km(&self, facility: usize, prefix: usize) -> f64 {
        f64::from(self.distance[facility * self.prefixes.len() + prefix])
    }

    /// A pincode for a person or household, by its own number.
    pub(crate) fn place(&self, rng: &mut Rng) -> u32 {
        let prefix = &self.prefixes[pick_cumulative(&self.prefix_sums, rng.unit())];
        // Squaring crowds people into the first pincodes of a prefix, as a city's centre does.
        let u = rng.unit();
        prefix.first_pincode + ((u * u.sqrt() * f64::from(prefix.pincodes)) as u32).min(prefix.pincodes - 1)
    }

    pub(crate) fn prefix_of(&self, pincode: u32) -> &Prefix {
        &self.prefixes[self.pincodes[pincode as usize].prefix as usize]
    }

    /// How willing a place is to refuse, before any courier: by city, tier and pincode, in log-odds.
    pub(crate) fn reluctance(&self, seed: u64, pincode: u32) -> f64 {
        let prefix = self.prefix_of(pincode);
        let city = gauss(hash(seed, 102, &[u64::from(prefix.city)])) * 0.24;
        let tier = [-0.16, -0.04, 0.08, 0.14][usize::from(prefix.tier - 1)];
        let own = gauss(hash(seed, 103, &[u64::from(pincode)])) * 0.16;
        city.clamp(-0.36, 0.36) + tier + own
    }
}
