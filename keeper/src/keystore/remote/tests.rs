use std::sync::{Arc, Mutex};

use alloy::consensus::SignableTransaction;
use alloy::eips::eip2718::Encodable2718;
use alloy::primitives::{TxKind, U256};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use axum::routing::post;
use axum::{Json, Router};

use super::*;
use crate::keystore::{Account, Keystore, Password, Strength};

/// How a program that has a key treats what it is asked to sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Does {
    Signs,
    /// For more than it was asked to.
    SignsMore,
    SignsWithAnother,
    Refuses,
    Nonsense,
}

/// A small Web3Signer: it has one key, and speaks over HTTP as the real one does.
struct Signer {
    key: PrivateKeySigner,
    url: Url,
    does: Arc<Mutex<Does>>,
}

fn field(asked: &Value, name: &str) -> u128 {
    let text = asked[name].as_str().unwrap_or_else(|| panic!("no {name} in {asked}"));
    u128::from_str_radix(&text[2..], 16).unwrap()
}

fn signed(key: &PrivateKeySigner, asked: &Value, does: Does) -> Value {
    let transaction = TxEip1559 {
        chain_id: field(asked, "chainId") as u64,
        nonce: field(asked, "nonce") as u64,
        gas_limit: field(asked, "gas") as u64,
        max_fee_per_gas: field(asked, "maxFeePerGas"),
        max_priority_fee_per_gas: field(asked, "maxPriorityFeePerGas"),
        to: TxKind::Call(asked["to"].as_str().unwrap().parse().unwrap()),
        value: U256::from(field(asked, "value") + u128::from(does == Does::SignsMore)),
        input: asked["data"].as_str().unwrap().parse().unwrap(),
        ..TxEip1559::default()
    };
    let other = PrivateKeySigner::from_slice(&[9; 32]).unwrap();
    let key = if does == Does::SignsWithAnother { &other } else { key };
    let signature = key.sign_hash_sync(&transaction.signature_hash()).unwrap();
    json!(hex::encode_prefixed(TxEnvelope::from(transaction.into_signed(signature)).encoded_2718()))
}

impl Signer {
    async fn start() -> Self {
        let key = PrivateKeySigner::from_slice(&[7; 32]).unwrap();
        let (does, own) = (Arc::new(Mutex::new(Does::Signs)), key.clone());
        let behaves = Arc::clone(&does);
        let answer = move |Json(question): Json<Value>| {
            let (does, key) = (*behaves.lock().unwrap(), own.clone());
            async move {
                let result = match (question["method"].as_str().unwrap(), does) {
                    (_, Does::Refuses) => {
                        return Json(json!({"id": 1, "error": {"code": -32_000, "message": "not today"}}));
                    }
                    (_, Does::Nonsense) => json!("0x02"),
                    ("eth_accounts" | "account_list", _) => json!([key.address()]),
                    ("eth_signTransaction", _) => signed(&key, &question["params"][0], does),
                    ("account_signTransaction", _) => {
                        json!({"raw": signed(&key, &question["params"][0], does), "tx": {}})
                    }
                    (other, _) => panic!("asked for {other}"),
                };
                Json(json!({"jsonrpc": "2.0", "id": question["id"], "result": result}))
            }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://user:s3cret@{}/path", listener.local_addr().unwrap()).parse().unwrap();
        let router = Router::new().route("/path", post(answer));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { key, url, does }
    }

    fn remote(&self, program: Program) -> Remote {
        Remote::new(self.key.address(), program, self.url.clone())
    }

    fn now(&self, does: Does) {
        *self.does.lock().unwrap() = does;
    }
}

fn transaction() -> TxEip1559 {
    TxEip1559 {
        chain_id: 17_000,
        nonce: 300,
        gas_limit: 500_000,
        max_fee_per_gas: 20_000_000_000,
        max_priority_fee_per_gas: 1_000_000_000,
        to: TxKind::Call(Address::repeat_byte(3)),
        value: U256::from(5),
        input: vec![1, 2, 3].into(),
        ..TxEip1559::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_programs_sign_what_they_are_asked_to() {
    let signer = Signer::start().await;
    for program in [Program::Web3signer, Program::Clef] {
        let account = Account::Elsewhere(signer.remote(program));
        let envelope = account.sign(transaction()).unwrap();
        let here = Account::from(signer.key.clone()).sign(transaction()).unwrap();
        assert_eq!(envelope.encoded_2718(), here.encoded_2718(), "{program:?}");
        assert_eq!(signer.remote(program).accounts().unwrap(), [signer.key.address()]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_asked_for_is_no_signature() {
    let signer = Signer::start().await;
    let account = Account::Elsewhere(signer.remote(Program::Web3signer));
    for (does, words) in [
        (Does::SignsMore, "another transaction"),
        (Does::SignsWithAnother, "another key"),
        (Does::Refuses, "not today"),
        (Does::Nonsense, "no transaction"),
    ] {
        signer.now(does);
        let error = account.sign(transaction()).unwrap_err();
        assert!(error.contains(words) && error.contains("Web3Signer at http://127.0.0.1"), "{does:?}: {error}");
        assert!(!error.contains("s3cret"), "{error}");
    }
    let nobody = Remote::new(Address::ZERO, Program::Clef, "http://127.0.0.1:1/s3cret".parse().unwrap());
    let error = Account::Elsewhere(nobody.clone()).sign(transaction()).unwrap_err();
    assert!(error.contains("Clef at http://127.0.0.1:1 does not answer") && !error.contains("s3cret"), "{error}");
    assert!(!format!("{nobody:?}").contains("s3cret"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keystore_says_who_has_the_key_and_lasts() {
    let signer = Signer::start().await;
    let directory = tempfile::tempdir().unwrap();
    let (keystore, password) = (Keystore::at(directory.path()), Password::new("correct horse"));
    let path = keystore.store_remote(&signer.remote(Program::Web3signer)).unwrap();
    assert!(keystore.create(&password, Strength::Light).unwrap(), "the BLS key is made, the wallet is there");
    assert!(!keystore.create(&password, Strength::Light).unwrap());
    assert_eq!(keystore.public().unwrap().operator, signer.key.address());
    let keys = keystore.open(&password).unwrap();
    assert!(keys.wallet.sign(transaction()).is_ok());
    keystore.change_password(&password, &Password::new("battery staple"), Strength::Light).unwrap();
    assert!(keystore.open(&Password::new("battery staple")).is_ok(), "the other key is under the new one");
    // There is one wallet, and its key cannot be taken out.
    assert!(matches!(keystore.store_remote(&signer.remote(Program::Clef)), Err(Error::Exists { .. })));
    let out = directory.path().join("out.json");
    let error =
        keystore.export(crate::keystore::KeyKind::Ecdsa, (&password, &password), Strength::Light, &out).unwrap_err();
    assert!(error.to_string().contains("Web3Signer"), "{error}");
    std::fs::write(&path, "{\"address\": \"0x01\", \"remote\": {\"program\": \"other\"}}").unwrap();
    assert!(matches!(keystore.public(), Err(Error::Malformed { .. })));
}
