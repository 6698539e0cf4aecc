use super::*;

/// A core module without a world, and components that are none of ours.
#[test]
fn what_keepers_do_not_run_is_told_before_it_is_published() {
    let home = tempfile::tempdir().unwrap();
    let looked = |bytes: &[u8]| {
        let file = home.path().join("job.wasm");
        fs::write(&file, bytes).unwrap();
        Component::look(&file).map_err(|error| format!("{error:#}"))
    };
    let fixture = include_str!("../../../../tests/fixtures/job.wat");
    let text = |body: &str| fixture.replace("(; body ;)", body);
    let good = looked(&wat::parse_str(text("(call $skip (i32.const 4096) (i32.const 13))")).unwrap()).unwrap();
    assert_eq!(good.outside, ["wasi:cli/exit@0.2.0"]);
    for (bytes, why) in [
        (b"not WebAssembly at all".to_vec(), "nothing that keepers run"),
        (wat::parse_str("(module)").unwrap(), "nothing that keepers run"),
        (wat::parse_str("(component)").unwrap(), "exports no function `run`"),
        (vec![0; MAX_CODE_BYTES + 1], "no more than"),
    ] {
        let error = looked(&bytes).unwrap_err();
        assert!(error.contains(why), "{why}: {error}");
    }
}

#[test]
fn a_folders_language_is_told_by_what_its_tools_need() {
    let home = tempfile::tempdir().unwrap();
    let of = |action: &str| Language::of(home.path(), action);
    assert_eq!((of("wasm"), of("call")), (None, None));
    fs::write(home.path().join("package.json"), "{}").unwrap();
    assert_eq!((of("wasm"), of("upkeep")), (Some(Language::TypeScript), None));
    fs::write(home.path().join("Cargo.toml"), "").unwrap();
    fs::write(home.path().join(solidity::COMPILER), "").unwrap();
    assert_eq!((of("wasm"), of("upkeep")), (Some(Language::Rust), Some(Language::Solidity)));
}
