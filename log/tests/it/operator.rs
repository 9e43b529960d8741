//! An operator of decentralised logins: signs accounts and users, as `nsc` does.

use std::path::{Path, PathBuf};

use data_encoding::BASE64URL_NOPAD;
use nkeys::KeyPair;
use serde_json::{Value, json};

use crate::external::{JETSTREAM, write};

pub struct Operator {
    key: KeyPair,
    account: KeyPair,
}

impl Operator {
    pub fn new() -> Operator {
        Operator {
            key: KeyPair::new_operator(),
            account: KeyPair::new_account(),
        }
    }

    /// Settings of a server that trusts this operator and knows one account with JetStream.
    pub fn settings(&self) -> String {
        let system = KeyPair::new_account();
        let account = |jetstream: i64| {
            json!({
                "type": "account", "version": 2,
                "limits": {
                    "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true,
                    "conn": -1, "leaf": -1, "mem_storage": jetstream, "disk_storage": jetstream,
                    "streams": jetstream, "consumer": jetstream,
                },
                "default_permissions": { "pub": {}, "sub": {} },
            })
        };
        let operator = token(
            &self.key,
            &self.key.public_key(),
            "operator",
            json!({ "type": "operator", "version": 2, "system_account": system.public_key() }),
        );
        format!(
            "operator: {operator}\nsystem_account: {}\nresolver: MEMORY\nresolver_preload {{\n {}: {}\n {}: {}\n}}\n{JETSTREAM}",
            system.public_key(),
            system.public_key(),
            token(&self.key, &system.public_key(), "system", account(0)),
            self.account.public_key(),
            token(&self.key, &self.account.public_key(), "eddy", account(-1)),
        )
    }

    /// The credentials of a new user of the account.
    pub fn credentials(&self, folder: &Path) -> PathBuf {
        let user = KeyPair::new_user();
        let claims = json!({
            "type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1, "pub": {}, "sub": {},
        });
        let jwt = token(&self.account, &user.public_key(), "engine", claims);
        let text = format!(
            "-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n\
             -----BEGIN USER NKEY SEED-----\n{}\n------END USER NKEY SEED------\n",
            user.seed().unwrap()
        );
        write(folder, "engine.creds", &text)
    }
}

fn token(issuer: &KeyPair, subject: &str, name: &str, claims: Value) -> String {
    let part = |value: Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let head = part(json!({ "typ": "JWT", "alg": "ed25519-nkey" }));
    let body = part(json!({
        "jti": subject, "iat": 1_700_000_000, "iss": issuer.public_key(), "name": name, "sub": subject, "nats": claims,
    }));
    let signed = format!("{head}.{body}");
    let signature = issuer.sign(signed.as_bytes()).unwrap();
    format!("{signed}.{}", BASE64URL_NOPAD.encode(&signature))
}
