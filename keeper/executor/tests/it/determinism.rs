//! Two machines, one result: code that is compiled for this one and code that is interpreted, which stands in for another,
//! give the same outcome, for the same fuel, with the same memory and log.
//!
//! What ends without a result (a stack that overflows lies deeper on one machine) is never signed, and need not be the same.

mod smith;

use std::path::PathBuf;

use alloy::primitives::U256;
use executor::cell::{InProcess, Means, Measured};
use executor::{ChainAnswer, Ended, Limits, RunRequest};

use crate::support::{code, component, request};

/// The same component on two machines.
pub(crate) struct Pair {
    compiled: InProcess,
    interpreted: InProcess,
}

impl Pair {
    pub(crate) fn new(component: &[u8]) -> Self {
        let by = |means| InProcess::by(means, component).expect("a component of the world");
        Self { compiled: by(Means::Compiled), interpreted: by(Means::Interpreted) }
    }

    pub(crate) fn measure(&self, request: &RunRequest, limits: &Limits) -> [Measured; 2] {
        let of = |machine: &InProcess| {
            let mut value = 40;
            machine.measure(request, limits, move |_| {
                value += 1;
                Some(ChainAnswer::word(U256::from(value)))
            })
        };
        [of(&self.compiled), of(&self.interpreted)]
    }
}

/// A run that must come to the same on both.
fn same(name: &str, body: &str) -> Measured {
    let pair = Pair::new(&component(body));
    let [compiled, interpreted] = pair.measure(&request(code(b""), b"params"), &Limits::default());
    assert_eq!(compiled, interpreted, "{name}");
    compiled
}

/// Stores values of a type one after the other, and gives all of it.
fn stored(kind: &str, values: &[&str]) -> String {
    let size = match kind {
        "f32" | "i32" => 4,
        "f64" | "i64" => 8,
        _ => 16,
    };
    let store =
        |(place, value): (usize, &&str)| format!("({kind}.store (i32.const {}) {value})\n", 16_384 + size * place);
    let stores: String = values.iter().enumerate().map(store).collect();
    format!("{stores} (call $call (i32.const 16384) (i32.const {}))", size * values.len())
}

fn called(measured: &Measured) -> &[u8] {
    let Ended::Call(data) = &measured.ended else { panic!("{measured:?}") };
    data
}

#[test]
fn numbers_that_are_none_have_one_form() {
    let f64_nan = "(f64.reinterpret_i64 (i64.const 0xfff0000000000001))";
    let f32_nan = "(f32.reinterpret_i32 (i32.const 0xff800001))";
    let values = [
        "(f64.div (f64.const 0) (f64.const 0))".to_owned(),
        "(f64.sqrt (f64.const -1))".to_owned(),
        "(f64.sub (f64.const inf) (f64.const inf))".to_owned(),
        "(f64.mul (f64.const inf) (f64.const 0))".to_owned(),
        format!("(f64.add {f64_nan} (f64.const 1))"),
        format!("(f64.min {f64_nan} (f64.const 1))"),
        format!("(f64.max (f64.const 1) {f64_nan})"),
        format!("(f64.nearest {f64_nan})"),
        format!("(f64.floor {f64_nan})"),
        format!("(f64.promote_f32 {f32_nan})"),
    ];
    let body = stored("f64", &values.each_ref().map(String::as_str));
    let measured = same("f64", &body);
    for (place, bytes) in called(&measured).chunks(8).enumerate() {
        assert_eq!(bytes, 0x7ff8_0000_0000_0000_u64.to_le_bytes(), "{}", values[place]);
    }
    let values = [
        "(f32.div (f32.const 0) (f32.const -0))".to_owned(),
        "(f32.sqrt (f32.const -2))".to_owned(),
        format!("(f32.add {f32_nan} {f32_nan})"),
        format!("(f32.trunc {f32_nan})"),
        format!("(f32.demote_f64 {f64_nan})"),
    ];
    let measured = same("f32", &stored("f32", &values.each_ref().map(String::as_str)));
    for (place, bytes) in called(&measured).chunks(4).enumerate() {
        assert_eq!(bytes, 0x7fc0_0000_u32.to_le_bytes(), "{}", values[place]);
    }
    // Signs and payloads that nobody computes with stay as they are.
    let kept = [
        "(f64.neg (f64.reinterpret_i64 (i64.const 0x7ff0000000000001)))",
        "(f64.copysign (f64.const nan) (f64.const -1))",
    ];
    let measured = same("kept", &stored("f64", &kept));
    let bits: Vec<u64> =
        called(&measured).chunks(8).map(|it| u64::from_le_bytes(it.try_into().expect("eight"))).collect();
    assert_eq!(bits, [0xfff0_0000_0000_0001, 0xfff8_0000_0000_0000]);
}

#[test]
fn vectors_give_the_same_bits() {
    let a = "(v128.const i8x16 1 -2 3 -4 5 -6 7 -8 127 -128 16 17 255 0 99 100)";
    let b = "(v128.const i16x8 -32768 32767 1 -1 300 -300 17 0)";
    let floats = "(v128.const f32x4 nan:0x200001 -0 3.5 -inf)";
    let others = "(v128.const f32x4 1 0 nan inf)";
    let doubles = "(v128.const f64x2 nan:0x1 1e300)";
    let mut values = Vec::new();
    for operation in [
        "i8x16.swizzle",
        "i8x16.add_sat_s",
        "i8x16.narrow_i16x8_u",
        "i8x16.avgr_u",
        "i16x8.q15mulr_sat_s",
        "i16x8.mul",
        "i16x8.extmul_low_i8x16_s",
        "i32x4.dot_i16x8_s",
        "i32x4.mul",
        "i64x2.mul",
        "i64x2.gt_s",
        "v128.andnot",
    ] {
        values.push(format!("({operation} {a} {b})"));
    }
    for operation in ["f32x4.add", "f32x4.div", "f32x4.min", "f32x4.max", "f32x4.pmin", "f32x4.pmax", "f32x4.ne"] {
        values.push(format!("({operation} {floats} {others})"));
    }
    for operation in ["f64x2.mul", "f64x2.min", "f64x2.pmax", "f64x2.div"] {
        values.push(format!("({operation} {doubles} {doubles})"));
    }
    for operation in ["f32x4.sqrt", "f32x4.nearest", "f32x4.ceil", "i32x4.trunc_sat_f32x4_s", "i32x4.trunc_sat_f32x4_u"]
    {
        values.push(format!("({operation} {floats})"));
    }
    for operation in ["f32x4.demote_f64x2_zero", "f64x2.sqrt", "i32x4.trunc_sat_f64x2_s_zero"] {
        values.push(format!("({operation} {doubles})"));
    }
    for operation in
        ["i8x16.popcnt", "i8x16.abs", "i16x8.extadd_pairwise_i8x16_s", "i32x4.abs", "f32x4.convert_i32x4_u"]
    {
        values.push(format!("({operation} {a})"));
    }
    let measured = same("vectors", &stored("v128", &values.iter().map(String::as_str).collect::<Vec<_>>()));
    assert_eq!(called(&measured).len(), 16 * values.len());
}

#[test]
fn memory_grows_alike_up_to_its_limit() {
    // What growth says, what the size is then, and a byte at the very end of it.
    let grows = "(i32.store (i32.const 16384) (memory.grow (i32.const 0)))
        (i32.store (i32.const 16388) (memory.grow (i32.const 100)))
        (i32.store (i32.const 16392) (memory.size))
        (i32.store8 (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 1)) (i32.const 7))
        (i32.store (i32.const 16396) (i32.load8_u (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 1))))
        (call $call (i32.const 16384) (i32.const 16))";
    let measured = same("growth", grows);
    assert_eq!(measured.memory_bytes, 104 << 16);
    let beyond = "(loop $again (drop (memory.grow (i32.const 16))) (br $again)) (unreachable)";
    assert_eq!(same("too much", beyond).ended, Ended::JobError("trap: memory limit".to_owned()));
    let behind = "(drop (memory.grow (i32.const 3))) (i32.load (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 3)))";
    assert_eq!(same("behind it", behind).ended, Ended::JobError("trap: memory out of bounds".to_owned()));
    let filled = "(memory.fill (i32.const 65536) (i32.const 3) (i32.const 190000)) (i32.const 0)";
    same("filled", filled);
    same(
        "copied",
        "(memory.copy (i32.const 70000) (i32.const 4096) (i32.const 100000)) (call $call (i32.const 70000) (i32.const 64))",
    );
}

#[test]
fn traps_and_what_the_host_is_asked_are_the_same() {
    for body in [
        "(unreachable)",
        "(i32.div_s (i32.const -2147483648) (i32.const -1))",
        "(i32.rem_u (i32.const 1) (i32.const 0))",
        "(i32.trunc_f64_s (f64.const nan))",
        "(i32.trunc_f32_u (f32.const 1e20))",
        "(i32.load (i32.const -1))",
        "(call $exit (i32.const 0)) (i32.const 0)",
        "(call $random (i32.const 48)) (call $call (i32.load (i32.const 96)) (i32.load (i32.const 100)))",
        "(call $log (i32.const 4096) (i32.const 13)) (call $skip (i32.const 4096) (i32.const 13))",
        "(call $balance) (call $balance) (call $call (i32.load (i32.const 68)) (i32.load (i32.const 72)))",
        "(call $call (i32.const 4096) (i32.const 65537))",
    ] {
        let measured = same(body, body);
        assert!(!matches!(measured.ended, Ended::Abstain(_)), "{body}: {measured:?}");
    }
    // What breaks the binary interface, and a stack that overflows, have no result anywhere.
    for body in
        ["(i32.wrap_i64 (call $deeper (i64.const 0)))", "(call $call (i32.const 0) (i32.const -1))", "(i32.const 3)"]
    {
        for measured in Pair::new(&component(body)).measure(&request(code(b""), b""), &Limits::default()) {
            assert!(matches!(measured.ended, Ended::Abstain(_)), "{body}: {measured:?}");
        }
    }
}

/// Wherever fuel runs out, it does so at the same instruction.
#[test]
fn fuel_runs_out_at_the_same_point() {
    let body = "(loop $again
        (i32.store (i32.const 16384) (i32.add (i32.load (i32.const 16384)) (i32.const 1)))
        (call $log (i32.const 4096) (i32.and (i32.load (i32.const 16384)) (i32.const 7)))
        (br_if $again (i32.lt_u (i32.load (i32.const 16384)) (i32.const 20))))
        (call $call (i32.const 16384) (i32.const 4))";
    let pair = Pair::new(&component(body));
    let request = request(code(b""), b"");
    let [whole, _] = pair.measure(&request, &Limits::default());
    assert!(matches!(whole.ended, Ended::Call(_)) && whole.fuel > 20_000, "{whole:?}");
    for fuel in (0..=whole.fuel).step_by(97).chain(whole.fuel - 20..=whole.fuel + 1) {
        let [compiled, interpreted] = pair.measure(&request, &Limits { fuel, ..Limits::default() });
        assert_eq!(compiled, interpreted, "with {fuel} fuel");
        // Fuel is looked at where loops and functions begin, so a little less may do as well; what a run took always does.
        let is_enough = matches!(compiled.ended, Ended::Call(_));
        assert!(is_enough || fuel < whole.fuel, "with {fuel} of {}", whole.fuel);
        assert!(!is_enough || fuel > whole.fuel / 2, "with {fuel} of {}", whole.fuel);
    }
}

#[test]
#[ignore = "compiles an interpreter of 1.6 MB twice for each job; needs the built example jobs in KEEPER_JOBS_DIR"]
fn the_example_jobs_give_the_same() {
    let why = "build them with `bootstrap/jobs/build.sh DIR` and set KEEPER_JOBS_DIR=DIR";
    let folder = PathBuf::from(std::env::var_os("KEEPER_JOBS_DIR").expect(why));
    let mut jobs = 0;
    for entry in std::fs::read_dir(&folder).expect(why) {
        let file = entry.expect("an entry").path();
        if file.extension().is_none_or(|end| end != "wasm") {
            continue;
        }
        let pair = Pair::new(&std::fs::read(&file).expect("readable"));
        // A job's own parameters, and some that it was not made for.
        for params in [&[0x11; 20][..], b"", b"something else"] {
            // The interpreter of an interpreter is slow: what it takes is not what is looked at.
            let limits = Limits { wall_clock: std::time::Duration::from_secs(600), ..Limits::default() };
            let [compiled, interpreted] = pair.measure(&request(code(b""), params), &limits);
            assert_eq!(compiled, interpreted, "{} with {params:?}", file.display());
            assert!(!matches!(compiled.ended, Ended::Abstain(_)), "{}: {compiled:?}", file.display());
        }
        jobs += 1;
    }
    assert!(jobs >= 3, "{jobs} jobs in {}", folder.display());
}
