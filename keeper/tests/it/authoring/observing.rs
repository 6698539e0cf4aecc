//! A job that looks outside, tried as five keepers make its run.

use serde_json::Value;

use super::{Desk, path};

/// Asks for what stands in the params, and sees the body, or the number of the error.
const LOOK: &str = "(call $fetch (i32.load offset=128 (local.get $context)) (i32.load offset=132 (local.get $context)))
    (if (result i32) (i32.load8_u (i32.const 64))
      (then (call $see (i32.const 68) (i32.const 1)))
      (else (call $see (i32.load (i32.const 80)) (i32.load (i32.const 84)))))";
/// Calls with what the first keeper saw first: as no job should.
const FIRST: &str = "(call $call
    (i32.load offset=8 (i32.load offset=8 (i32.load offset=136 (local.get $context))))
    (i32.load offset=12 (i32.load offset=8 (i32.load offset=136 (local.get $context)))))";

#[tokio::test(flavor = "multi_thread")]
async fn five_keepers_look_and_what_depends_on_one_of_them_is_told() {
    let desk = Desk::start().await;
    let text = include_str!("../../fixtures/observing.wat");
    let text = text.replace("(; observe ;)", LOOK).replace("(; decide ;)", FIRST);
    let job = desk.home.path("job.wasm");
    std::fs::write(&job, wat::parse_str(text).unwrap()).unwrap();
    let url = "https://prices.example/now";
    let params = alloy::hex::encode_prefixed(url);
    let answers = |bodies: &str| format!("[{{\"url\": \"{url}\", \"answers\": [{bodies}]}}]");
    let differing = r#"{"body": "9"}, {"body": "7"}, {"error": "timeout"}, {"body": "7"}, {"body": "7"}"#;
    desk.home.write("http.json", &answers(differing));
    let web = desk.home.path("http.json");
    let test = ["job", "test", path(&job), "--allow-host", "prices.example", "--params", &params, "--http", path(&web)];
    let tried = desk.by_url(&test).succeeded().json();
    assert_eq!((&tried["outcome"], &tried["calldata"]), (&"call".into(), &"0x39".into()), "{tried}");
    let seen = |keeper: usize| tried["looks"]["keepers"][keeper]["seen"][0]["value"].clone();
    assert_eq!((seen(0), seen(1), seen(2)), ("0x39".into(), "0x37".into(), "0x01".into()), "{tried}");
    let differs = tried["looks"]["differs"].as_array().unwrap();
    assert_eq!((differs.len(), &differs[0]["without"]), (1, &Value::from(0)), "{tried}");
    let people = desk.home.keeper(&[&test[..], &["--rpc", &desk.url]].concat()).succeeded().stdout;
    for word in ["keeper 0", "price = 9", "not the same by all", "without keeper 0 it ends in call 0x37"] {
        assert!(people.contains(word), "no {word:?} in {people}");
    }
    // What was decided on is on the tape: neither web nor chain is needed.
    let tape = desk.home.path("run.json");
    desk.by_url(&[&test[..], &["--record", path(&tape)]].concat()).succeeded();
    let replay = ["job", "test", path(&job), "--allow-host", "prices.example", "--replay", path(&tape), "--json"];
    let again = desk.home.keeper(&replay).succeeded().json();
    assert_eq!((&again["calldata"], &again["differences"]), (&"0x39".into(), &Value::Array(vec![])), "{again}");
    // Of a host that is not on the list every keeper is denied, and sees that.
    let other = ["job", "test", path(&job), "--allow-host", "other.example", "--params", &params, "--http", path(&web)];
    assert_eq!(desk.by_url(&other).succeeded().json()["calldata"], "0x00");
    // Without a list it is no job of this world.
    let bare = desk.by_url(&["job", "test", path(&job), "--params", &params]);
    assert_eq!((bare.code, bare.json()["outcome"].as_str()), (1, Some("error")), "{}", bare.stdout);
    let refused = desk.by_url(&[&test[..3], &["--allow-host", "https://prices.example/"]].concat());
    assert!(refused.code == 2 && refused.stderr.contains("--allow-host"), "{}", refused.stderr);
}
