//! Named queries: one file of `queries/` a chart, table or tile, with its title, the tables it reads and its parameters' defaults.
//!
//! Parameters are bound as SQL literals into the text, so that the text a reader copies is the text that ran. Here, only defaults and the page's own
//! filters are bound; a value never enters unquoted.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use rust_embed::RustEmbed;
use serde::Serialize;

#[derive(RustEmbed)]
#[folder = "queries/"]
struct Files;

/// A named query.
#[derive(Debug, Clone, Serialize)]
pub struct NamedQuery {
    /// The file's name without `.sql`.
    pub name: String,
    /// What a reader calls it.
    pub title: String,
    /// Basis and meaning, a sentence.
    pub note: Option<String>,
    /// For whom, of a worked question.
    pub role: Option<String>,
    /// Tables whose change makes the answer old.
    pub reads: Vec<String>,
    /// Parameters with their defaults, as SQL literals.
    pub params: BTreeMap<String, String>,
    /// The text, with `$name` where a parameter goes.
    pub sql: String,
}

static QUERIES: LazyLock<Vec<NamedQuery>> = LazyLock::new(|| {
    let mut names: Vec<_> = Files::iter().collect();
    names.sort();
    names
        .iter()
        .filter_map(|file| {
            let data = Files::get(file)?.data;
            Some(NamedQuery::parse(
                file.strip_suffix(".sql")?,
                &String::from_utf8_lossy(&data),
            ))
        })
        .collect()
});

/// All of them, by name.
pub fn named_queries() -> &'static [NamedQuery] {
    &QUERIES
}

impl NamedQuery {
    /// Reads a file: comment lines `-- key: value` and `-- param name = literal` first, then the text.
    fn parse(name: &str, file: &str) -> Self {
        let mut query = Self {
            name: name.to_owned(),
            title: String::new(),
            note: None,
            role: None,
            reads: Vec::new(),
            params: BTreeMap::new(),
            sql: String::new(),
        };
        let mut lines = file.lines().peekable();
        while let Some(comment) = lines.peek().and_then(|l| l.strip_prefix("-- ")) {
            if let Some((parameter, literal)) =
                comment.strip_prefix("param ").and_then(|p| p.split_once(" = "))
            {
                query
                    .params
                    .insert(parameter.trim().to_owned(), literal.trim().to_owned());
            } else {
                match comment.split_once(": ") {
                    Some(("title", value)) => query.title = value.to_owned(),
                    Some(("note", value)) => query.note = Some(value.to_owned()),
                    Some(("role", value)) => query.role = Some(value.to_owned()),
                    Some(("reads", value)) => query.reads = value.split(", ").map(str::to_owned).collect(),
                    _ => break,
                }
            }
            lines.next();
        }
        query.sql = lines.collect::<Vec<_>>().join("\n").trim().to_owned();
        query
    }

    /// The text with literals for its parameters: the given ones, else the defaults. An unknown `$name` stays.
    pub fn bind(&self, literals: &BTreeMap<&str, String>) -> String {
        let mut out = String::with_capacity(self.sql.len() + 64);
        let mut rest = self.sql.as_str();
        while let Some(at) = rest.find('$') {
            let (before, after) = rest.split_at(at);
            let end = after[1..]
                .find(|c: char| !(c.is_ascii_lowercase() || c == '_'))
                .map_or(after.len(), |n| n + 1);
            let name = &after[1..end];
            out.push_str(before);
            out.push_str(
                literals
                    .get(name)
                    .or_else(|| self.params.get(name))
                    .map_or(&after[..end], String::as_str),
            );
            rest = &after[end..];
        }
        out.push_str(rest);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_query_has_a_title_a_text_and_defaults_for_its_parameters() {
        assert!(named_queries().len() > 15);
        for query in named_queries() {
            assert!(!query.title.is_empty(), "{} has no title", query.name);
            assert!(!query.sql.is_empty(), "{} has no text", query.name);
            assert!(
                !query.bind(&BTreeMap::new()).contains('$'),
                "{} has a parameter without a default",
                query.name
            );
            assert!(
                !query.sql.ends_with(';'),
                "{} ends with a semicolon, which cannot be wrapped",
                query.name
            );
        }
    }

    #[test]
    fn six_worked_questions_are_two_a_role() {
        let mut roles: Vec<_> = named_queries().iter().filter_map(|q| q.role.as_deref()).collect();
        roles.sort_unstable();
        assert_eq!(
            roles,
            [
                "loss prevention",
                "loss prevention",
                "merchandiser",
                "merchandiser",
                "operator",
                "operator"
            ]
        );
    }

    #[test]
    fn binding_replaces_whole_names_only() {
        let query = NamedQuery::parse(
            "q",
            "-- title: T\n-- param from = 1\nselect $from, $from_day, '$' || x",
        );
        assert_eq!(query.bind(&BTreeMap::new()), "select 1, $from_day, '$' || x");
        assert_eq!(
            query.bind(&BTreeMap::from([("from", "'a''b'".to_owned())])),
            "select 'a''b', $from_day, '$' || x"
        );
    }
}
