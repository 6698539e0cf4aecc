//! Hostile components by the dozen: each has the one result that it always has, and the executor outlives them all.

use executor::{Code, Ended, Limits, MAX_REASON_BYTES};

use crate::support::{Bench, ECHO, OWNER, PreparedChain, code, component, request, text};

/// A component, and how its runs end: the beginning of it, in words.
struct Fixture {
    name: &'static str,
    code: Vec<u8>,
    ends: &'static str,
}

/// With this body of `run`.
fn body(name: &'static str, body: &str, ends: &'static str) -> Fixture {
    Fixture { name, code: component(body), ends }
}

/// An honest one with something besides: core modules, instances.
fn beside(name: &'static str, more: &str, ends: &'static str) -> Fixture {
    let text = text(ECHO).replacen("(core module $heap", &format!("{more} (core module $heap"), 1);
    Fixture { name, code: wat::parse_str(text).unwrap_or_else(|error| panic!("{name}: {error}")), ends }
}

/// One whose text is another in one place.
fn altered(name: &'static str, (from, to): (&str, &str), of: &str, ends: &'static str) -> Fixture {
    let text = text(of);
    assert!(text.contains(from), "{name}");
    let text = text.replacen(from, to, 1);
    Fixture { name, code: wat::parse_str(text).unwrap_or_else(|error| panic!("{name}: {error}")), ends }
}

fn bytes(name: &'static str, code: Vec<u8>) -> Fixture {
    Fixture { name, code, ends: "code_invalid" }
}

/// The end of a run in words.
fn words(ended: &Ended) -> String {
    match ended {
        Ended::Call(data) => format!("call of {} bytes", data.len()),
        Ended::Skip(why) => format!("skip: {why}"),
        Ended::JobError(why) => format!("error: {why}"),
        Ended::Abstain(why) => why.name().to_owned(),
    }
}

/// Time, memory, stack.
fn bombs() -> Vec<Fixture> {
    const FUEL: &str = "error: out of fuel";
    const MEMORY: &str = "error: trap: memory limit";
    const TABLE: &str = "error: trap: table limit";
    let data = "(data (i32.const 4096) \"nothing to do\")";
    let started = |start: &str| format!("(func $begin {start}) (start $begin) {data}");
    let globals: String = (0..50_000).map(|_| "(global i64 (i64.const 1))").collect();
    let locals = "i64 ".repeat(40_000);
    let wide = format!("(func $wide (result i64) (local {locals}) (i64.add (local.get 39999) (call $wide))) {data}");
    let indirect = format!(
        "(table 1 funcref) (elem (i32.const 0) func $again) (type $none (func)) (func $again (call_indirect (type $none) (i32.const 0))) {data}"
    );
    let table = format!("(table $t 1 funcref) {data}");
    let grow = "(loop $more (drop (table.grow $t (ref.null func) (i32.const 5000))) (br $more)) (unreachable)";
    let tables = "(table 1 funcref)".repeat(65);
    vec![
        body("loop", "(loop $again (br $again)) (unreachable)", FUEL),
        altered("loop before run", (data, &started("(loop $l (br $l))")), ECHO, FUEL),
        altered("trap before run", (data, &started("(unreachable)")), ECHO, "error: trap: unreachable"),
        body("memory bit by bit", "(loop $a (drop (memory.grow (i32.const 16))) (br $a)) (unreachable)", MEMORY),
        body("memory at once", "(drop (memory.grow (i32.const 65000))) (unreachable)", MEMORY),
        beside("memory by declaration", "(core module $b (memory 2000)) (core instance (instantiate $b))", MEMORY),
        beside(
            "table by declaration",
            "(core module $b (table 300000 funcref)) (core instance (instantiate $b))",
            TABLE,
        ),
        altered("table bit by bit", (data, &table), grow, TABLE),
        beside("many tables", &format!("(core module $b {tables}) (core instance (instantiate $b))"), "host_failure"),
        beside(
            "many globals",
            &format!("(core module $b {globals}) (core instance (instantiate $b))"),
            "call of 6 bytes",
        ),
        body("recursion", "(i32.wrap_i64 (call $deeper (i64.const 0)))", "stack_overflow"),
        altered("wide frames", (data, &wide), "(i32.wrap_i64 (call $wide))", "stack_overflow"),
        altered("recursion through a table", (data, &indirect), "(call $again) (unreachable)", "stack_overflow"),
    ]
}

/// What is handed over.
fn outcomes() -> Vec<Fixture> {
    let million = "(drop (memory.grow (i32.const 16)))";
    let text = "(memory.fill (i32.const 65536) (i32.const 97) (i32.const 1000000))";
    let long = |of: &str| format!("{million} {text} (call ${of} (i32.const 65536) (i32.const 1000000))");
    let binary = "(i32.store (i32.const 4096) (i32.const -1)) (call $skip (i32.const 4096) (i32.const 4))";
    vec![
        body("an outcome at its cap", "(call $call (i32.const 4096) (i32.const 65536))", "call of 65536 bytes"),
        body(
            "an outcome over its cap",
            "(call $call (i32.const 4096) (i32.const 65537))",
            "error: outcome of 65537 bytes, more than 65536",
        ),
        body("an outcome without end", "(call $call (i32.const 0) (i32.const -1))", "host_failure"),
        body("an outcome behind memory", "(call $call (i32.const 262143) (i32.const 2))", "host_failure"),
        body("a long reason", &long("skip"), "skip: aaaa"),
        body("a long error", &long("permanent"), "error: permanent: aaaa"),
        body("a reason that is no text", binary, "host_failure"),
        body(
            "a result of no kind",
            "(call $result (i32.const 9) (i32.const 0) (i32.const 0) (i32.const 0))",
            "host_failure",
        ),
        body(
            "an outcome of no kind",
            "(call $result (i32.const 0) (i32.const 9) (i32.const 0) (i32.const 0))",
            "host_failure",
        ),
        body("a result at an odd place", "(i32.const 3)", "host_failure"),
        body("a result behind memory", "(i32.const -16)", "host_failure"),
    ]
}

/// What is asked of the host, and answered to it.
fn calls() -> Vec<Fixture> {
    const FUEL: &str = "error: out of fuel";
    const GIVES: &str = "(local.get $at)))\n  (core instance $heap";
    let gives = |what: &str| format!("{what}))\n  (core instance $heap");
    let balance = |pointer: &str, length: &str| {
        format!(
            "(call $host-balance (i32.const {pointer}) (i32.const {length}) (i32.const 64))
             (call $permanent (i32.load (i32.const 72)) (i32.load (i32.const 76)))"
        )
    };
    vec![
        body(
            "a log longer than memory",
            "(loop $again (call $log (i32.const 4096) (i32.const 200000)) (br $again)) (unreachable)",
            "host_failure",
        ),
        body(
            "logs without end",
            "(loop $again (call $log (i32.const 4096) (i32.const 1000)) (br $again)) (unreachable)",
            FUEL,
        ),
        body("empty logs", "(loop $again (call $log (i32.const 0) (i32.const 0)) (br $again)) (unreachable)", FUEL),
        body("a log behind memory", "(call $log (i32.const -8) (i32.const 16)) (i32.const 0)", "host_failure"),
        body(
            "a log that is no text",
            "(i32.store (i32.const 128) (i32.const -1)) (call $log (i32.const 128) (i32.const 4)) (i32.const 0)",
            "host_failure",
        ),
        body(
            "a log of no level",
            "(call $host-write (i32.const 99) (i32.const 4096) (i32.const 1)) (i32.const 0)",
            "host_failure",
        ),
        body(
            "chain reads without end",
            "(loop $again (call $balance) (br_if $again (i32.eqz (i32.load8_u (i32.const 64)))))
             (call $permanent (i32.load (i32.const 72)) (i32.load (i32.const 76)))",
            "error: permanent: more than 64 chain reads in one run",
        ),
        body("an account of 19 bytes", &balance("32", "19"), "error: permanent: an address has 20 bytes, not 19"),
        body("an account of no bytes", &balance("32", "0"), "error: permanent: an address has 20 bytes, not 0"),
        body(
            "an account of all memory",
            &balance("0", "262144"),
            "error: permanent: an address has 20 bytes, not 262144",
        ),
        body("an account behind memory", &balance("-8", "20"), "host_failure"),
        body(
            "random without end",
            "(call $random (i32.const 65537)) (i32.const 0)",
            "error: trap: more than 65536 random bytes asked for",
        ),
        body(
            "random again and again",
            "(loop $again (call $random (i32.const 65536)) (br $again)) (unreachable)",
            FUEL,
        ),
        body(
            "a call outside the world",
            "(call $exit (i32.const 1)) (i32.const 0)",
            "error: trap: call of an import outside the job world",
        ),
        altered("memory given from nowhere", (GIVES, &gives("(i32.const -65536)")), ECHO, "host_failure"),
        altered("memory given at odd places", (GIVES, &gives("(i32.const 8195)")), ECHO, "host_failure"),
        altered("memory never given", (GIVES, &gives("(loop $l (br $l)) (unreachable)")), ECHO, FUEL),
        altered("memory refused", (GIVES, &gives("(unreachable)")), ECHO, "error: trap: unreachable"),
    ]
}

/// A component in a component, and so on.
fn nested(depth: u32) -> Vec<u8> {
    const HEAD: [u8; 8] = [0, b'a', b's', b'm', 0x0d, 0, 1, 0];
    const COMPONENT_SECTION: u8 = 4;
    (0..depth).fold(HEAD.to_vec(), |inner, _| {
        let length = u32::try_from(inner.len()).expect("small");
        // Five bytes, whatever the number.
        let leb = (0..5).map(|at| ((length >> (7 * at)) as u8 & 0x7f) | (if at < 4 { 0x80 } else { 0 }));
        HEAD.into_iter().chain([COMPONENT_SECTION]).chain(leb).chain(inner).collect()
    })
}

/// What is no job at all.
fn malformed() -> Vec<Fixture> {
    const INVALID: &str = "code_invalid";
    let good = component(ECHO);
    let other_version = [&good[..4], &[0x0c, 0, 1, 0], &good[8..]].concat();
    let export = "(export \"run\" (func $run))";
    let asks = "(export \"balance\" (func (param \"account\" (list u8))";
    vec![
        bytes("no WebAssembly", b"not WebAssembly at all".to_vec()),
        bytes("half a component", good[..good.len() / 2].to_vec()),
        bytes("a component of another version", other_version),
        bytes("a component and more", [&good[..], &[0xff; 64]].concat()),
        bytes("a core module", wat::parse_str("(module)").expect("a module")),
        bytes("a component of another world", wat::parse_str("(component)").expect("a component")),
        bytes("components in components", nested(500)),
        altered("no run", (export, "(export \"walk\" (func $run))"), ECHO, INVALID),
        altered(
            "an import of another type",
            (asks, "(export \"balance\" (func (param \"account\" (list u16))"),
            ECHO,
            INVALID,
        ),
        beside("memory of 64 bits", "(core module (memory i64 1))", INVALID),
        beside("shared memory", "(core module (memory 1 2 shared))", INVALID),
        beside("pages of one byte", "(core module (memory 1 (pagesize 1)))", INVALID),
        beside("exceptions", "(core module (tag))", INVALID),
        beside("collected memory", "(core module (type (struct (field i32))))", INVALID),
        beside(
            "relaxed vectors",
            "(core module (func (param v128 v128) (result v128) (i8x16.relaxed_swizzle (local.get 0) (local.get 1))))",
            INVALID,
        ),
        beside(
            "wide arithmetic",
            "(core module (func (param i64 i64) (result i64 i64) (i64.mul_wide_u (local.get 0) (local.get 1))))",
            INVALID,
        ),
    ]
}

#[tokio::test]
async fn every_hostile_component_has_its_result_and_the_next_job_is_fine() {
    // Quick to run out of, and enough for whatever is honest.
    let limits = Limits { fuel: 20_000_000, ..Limits::default() };
    let answer = executor::ChainAnswer::word(alloy::primitives::U256::from(5));
    let bench = Bench::new(limits, PreparedChain::new([Ok(answer)]));
    let fine = code(&component(ECHO));
    let all: Vec<Fixture> = [bombs(), outcomes(), calls(), malformed()].into_iter().flatten().collect();
    assert!(all.len() >= 40, "{}", all.len());
    let mut wrong = Vec::new();
    for Fixture { name, code: bytes, ends } in all {
        let run = bench.executor.run(request(code(&bytes), b"params")).await;
        let (ended, again) = (words(&run.ended), bench.executor.run(request(code(&bytes), b"params")).await);
        if !ended.starts_with(ends) || words(&again.ended) != ended || again.fuel != run.fuel {
            let again = (words(&again.ended), again.fuel);
            wrong.push(format!("{name}: {ended} with {} fuel, then {again:?}, not {ends}", run.fuel));
        }
        let logs: usize = run.logs.iter().map(String::len).sum();
        let reason = ended.len() <= "error: permanent: ".len() + MAX_REASON_BYTES;
        if logs > 64 << 10 || !reason {
            wrong.push(format!("{name}: {logs} bytes of logs, {} of a reason", ended.len()));
        }
        let next = bench.executor.run(request(fine.clone(), b"x")).await;
        if next.ended != Ended::Call(b"x".to_vec()) {
            wrong.push(format!("the job after {name}: {:?}", next.ended));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What never is ready is told by name when it is asked for, too.
#[tokio::test]
async fn what_is_no_job_is_refused_when_it_is_listed() {
    let bench = Bench::new(Limits::default(), PreparedChain::new([]));
    for Fixture { name, code: bytes, .. } in malformed() {
        let code: Code = code(&bytes);
        let reason = bench.executor.prepare(&code, OWNER).await.expect_err(name);
        assert_eq!(reason.name(), "code_invalid", "{name}: {reason}");
        assert!(!bench.executor.is_ready(&code), "{name}");
    }
}
