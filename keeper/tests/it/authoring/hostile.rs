//! Code that means harm, or is merely wrong: what its author is told is what keepers would make of it.

use serde_json::Value;

use super::{Desk, path};

/// What an author is told.
struct Row {
    name: &'static str,
    code: Vec<u8>,
    /// Outcome, or the name of the abstention; and a part of the reason. Any of these: what takes long may meet the watchdog first.
    told: &'static [(&'static str, &'static str)],
}

fn component(body: &str) -> Vec<u8> {
    wat::parse_str(include_str!("../../fixtures/job.wat").replace("(; body ;)", body)).unwrap()
}

fn row(name: &'static str, body: &str, told: &'static [(&'static str, &'static str)]) -> Row {
    Row { name, code: component(body), told }
}

fn refused(name: &'static str, code: Vec<u8>, why: &'static [(&'static str, &'static str)]) -> Row {
    Row { name, code, told: why }
}

fn rows() -> Vec<Row> {
    const OUT_OF_FUEL: &[(&str, &str)] = &[("error", "out of fuel"), ("timeout", "watchdog")];
    const INVALID: &[(&str, &str)] = &[("code_invalid", "the job's code cannot run")];
    let half = component("(i32.const 0)");
    let half = half[..half.len() / 2].to_vec();
    vec![
        row("loop", "(loop $again (br $again)) (unreachable)", OUT_OF_FUEL),
        row(
            "memory bomb",
            "(loop $again (drop (memory.grow (i32.const 16))) (br $again)) (unreachable)",
            &[("error", "trap: memory limit")],
        ),
        row(
            "memory at once",
            "(drop (memory.grow (i32.const 65000))) (unreachable)",
            &[("error", "trap: memory limit")],
        ),
        row(
            "an outcome over its cap",
            "(call $call (i32.const 4096) (i32.const 65537))",
            &[("error", "outcome of 65537 bytes, more than 65536")],
        ),
        row(
            "a huge outcome",
            "(drop (memory.grow (i32.const 900))) (call $call (i32.const 0) (i32.const 59244544))",
            &[("error", "outcome of 59244544 bytes")],
        ),
        row(
            "an import that is not in the world",
            "(call $exit (i32.const 1)) (i32.const 0)",
            &[("error", "trap: call of an import outside the job world")],
        ),
        row("a trap", "(unreachable)", &[("error", "trap: unreachable")]),
        row("out of its memory", "(i32.load (i32.const -8))", &[("error", "trap: memory out of bounds")]),
        row(
            "recursion without end",
            "(i32.wrap_i64 (call $deeper (i64.const 0)))",
            &[("stack_overflow", "recursion is too deep")],
        ),
        row(
            "random without end",
            "(call $random (i32.const 65537)) (i32.const 0)",
            &[("error", "trap: more than 65536 random bytes asked for")],
        ),
        row(
            "chain reads without end",
            "(loop $again (call $balance) (br_if $again (i32.eqz (i32.load8_u (i32.const 64)))))
             (call $permanent (i32.load (i32.const 72)) (i32.load (i32.const 76)))",
            &[("error", "permanent: more than 64 chain reads in one run")],
        ),
        row(
            "logs without end",
            "(loop $again (call $log (i32.const 4096) (i32.const 2000)) (br $again)) (unreachable)",
            OUT_OF_FUEL,
        ),
        row(
            "a result that is none",
            "(call $call (i32.const 0) (i32.const -1))",
            &[("error", "trap"), ("host_failure", ""), ("error", "outcome of")],
        ),
        refused("no WebAssembly", b"not WebAssembly at all".to_vec(), INVALID),
        refused("half a component", half, INVALID),
        refused("a core module", wat::parse_str("(module)").unwrap(), INVALID),
        refused("a component of another world", wat::parse_str("(component)").unwrap(), INVALID),
        refused("too much code", vec![0; executor::MAX_CODE_BYTES + 1], &[("code_too_large", "smaller component")]),
        refused("nothing", Vec::new(), &[("code_invalid", ""), ("code_unavailable", "")]),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_code_does_its_author_is_told_by_name() {
    let desk = Desk::start().await;
    for Row { name, code, told } in rows() {
        let file = desk.home.path("hostile.wasm");
        std::fs::write(&file, code).unwrap();
        let said = desk.by_url(&["job", "test", path(&file)]);
        let document = said.json();
        let what = match &document["abstention"] {
            Value::String(abstention) => abstention.clone(),
            _ => document["outcome"].as_str().unwrap().to_owned(),
        };
        let reason = document["reason"].as_str().unwrap_or_default();
        let fits = told.iter().any(|(named, part)| what == *named && reason.contains(part));
        assert!(fits, "{name}: {what}, {reason:?} in {document}");
        let exit = match what.as_str() {
            "timeout" => 10,
            "code_unavailable" => 4,
            _ => 1,
        };
        assert_eq!(said.code, exit, "{name}");
        let lines = document["logs"].as_array().cloned().unwrap_or_default();
        let logs: usize = lines.iter().map(|line| line.as_str().unwrap().len()).sum();
        assert!(logs <= 64 << 10, "{name}: {logs} bytes of logs");
    }
    let fine = desk.component("fine.wasm", "(call $skip (i32.const 4096) (i32.const 13))");
    let said = desk.by_url(&["job", "test", path(&fine)]).succeeded().json();
    assert_eq!((&said["outcome"], &said["reason"]), (&"skip".into(), &"nothing to do".into()), "{said}");
}
