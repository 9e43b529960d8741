//! How often a statement stands for its nested queries, before anything plans it: each `with` may name the one before it twice, so a few
//! lines can stand for more plan nodes than memory holds, and the planner walks all of them.

use std::collections::HashMap;
use std::convert::Infallible;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Query, Visit, Visitor, visit_relations};

use super::Error;

/// Tables that a statement may stand for once its nested queries are written out.
const TABLES: u64 = 1_000;

/// Refuses a query that stands for too many tables.
pub(super) fn check(query: &Query) -> Result<(), Error> {
    let mut weights = Weights::default();
    let _ = query.visit(&mut weights);
    if weights.most.max(weights.of(query)) > TABLES {
        return Err(Error::TooDeep);
    }
    Ok(())
}

/// Tables that each nested query stands for, by its name. Of one name in several scopes the heaviest counts.
#[derive(Default)]
struct Weights {
    named: HashMap<String, u64>,
    most: u64,
}

impl Weights {
    fn of(&self, query: &Query) -> u64 {
        let mut sum = 1_u64;
        let _ = visit_relations(query, |name| {
            let name = name.to_string().to_lowercase();
            sum = sum.saturating_add(self.named.get(&name).copied().unwrap_or(1));
            ControlFlow::<Infallible>::Continue(())
        });
        sum
    }
}

impl Visitor for Weights {
    type Break = Infallible;

    // Inner queries come first, so their names are known.
    fn post_visit_query(&mut self, query: &Query) -> ControlFlow<Infallible> {
        for nested in query.with.iter().flat_map(|with| &with.cte_tables) {
            let weight = self.of(&nested.query);
            let named = self
                .named
                .entry(nested.alias.name.value.to_lowercase())
                .or_default();
            *named = weight.max(*named);
            self.most = self.most.max(weight);
        }
        ControlFlow::Continue(())
    }
}
