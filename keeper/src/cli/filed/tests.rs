use clap::Parser;

use super::*;

#[derive(Debug, Clone, PartialEq, Args)]
struct Flags {
    /// How often
    #[arg(long, value_parser = crate::jobs::flags::parse_start)]
    start: Option<crate::jobs::flags::Start>,
    #[arg(long)]
    name: String,
    #[arg(long, default_value_t = 7)]
    callback_gas: u32,
    #[arg(long, conflicts_with = "code_hash")]
    code: Option<PathBuf>,
    #[arg(long)]
    code_hash: Option<String>,
    #[arg(long, value_hint = clap::ValueHint::FilePath)]
    params: Option<String>,
    #[arg(long)]
    topic: Vec<String>,
    #[arg(long)]
    quick: bool,
    #[arg(long, value_parser = ["all", "skip"])]
    missed: Option<String>,
}

#[derive(Debug, Parser)]
struct Line {
    #[arg(required = true)]
    id: u64,
    #[command(flatten)]
    flags: Filed<Flags>,
}

/// A file with this text, and what a line with these flags says together with it.
fn read(text: &str, line: &[&str], below: Vec<Word>) -> Result<Flags> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("job.toml");
    std::fs::write(&file, text).unwrap();
    let line = [&["keeper", "1", "--file", file.to_str().unwrap()], line].concat();
    Line::try_parse_from(line).unwrap().flags.read(&["fund"])?.over(below)
}

fn refused(text: &str, line: &[&str]) -> String {
    let error = read(text, line, Vec::new()).unwrap_err();
    assert_eq!(Exit::of(&error), Exit::Usage, "{error:#}");
    format!("{error:#}")
}

#[test]
fn a_key_says_what_its_flag_says() {
    let flags = read(
        "name = \"a = b\" # not a comment inside\ncallback_gas = 300_000\nstart = 2027-01-31T12:00:00Z\ntopic = [\"x\", \"-y\"]\nquick = true\n",
        &[],
        Vec::new(),
    );
    let flags = flags.unwrap();
    assert_eq!((flags.name.as_str(), flags.quick), ("a = b", true));
    assert_eq!(flags.start, Some(crate::jobs::flags::Start::At(1_801_396_800)));
    assert_eq!(flags.topic, ["x", "-y"]);
    let dashes =
        read("name = \"n\"\ncallback-gas = 9\nquick = false\ntopic = \"x\"\nfund = \"1ether\"", &[], Vec::new())
            .unwrap();
    assert_eq!((dashes.callback_gas, dashes.quick, dashes.topic.len()), (9, false, 1));
}

#[test]
fn flags_win_over_the_file_and_the_file_over_what_holds_already() {
    let below = || vec![Word::new("name", "below"), Word::new("code-hash", "0x01"), Word::new("callback-gas", "1")];
    let text = "name = \"file\"\ntopic = [\"x\", \"y\"]\n";
    let flags = read(text, &["--name", "typed", "--topic", "z"], below()).unwrap();
    assert_eq!((flags.name.as_str(), flags.topic, flags.callback_gas), ("typed", vec!["z".to_owned()], 1));
    let flags = read(text, &[], below()).unwrap();
    assert_eq!((flags.name.as_str(), flags.code_hash.as_deref()), ("file", Some("0x01")));
    // What cannot be given together gives way.
    let flags = read("name = \"n\"\ncode = \"job.wasm\"", &["--code-hash", "0x02"], below()).unwrap();
    assert_eq!((flags.code, flags.code_hash.as_deref()), (None, Some("0x02")));
    let flags = read("name = \"n\"\ncode = \"job.wasm\"", &[], below()).unwrap();
    assert!(flags.code.unwrap().ends_with("job.wasm") && flags.code_hash.is_none());
}

#[test]
fn paths_in_a_file_start_beside_it() {
    let flags = read("name = \"n\"\ncode = \"job.wasm\"\nparams = \"@p.bin\"", &[], Vec::new()).unwrap();
    assert!(flags.code.as_ref().unwrap().is_absolute(), "{flags:?}");
    let folder = flags.code.as_ref().unwrap().parent().unwrap().to_owned();
    assert_eq!(flags.params, Some(format!("@{}", folder.join("p.bin").display())));
    let flags = read("name = \"@n\"\ncode = \"/job.wasm\"\nparams = \"0x01\"", &[], Vec::new()).unwrap();
    assert_eq!((flags.name.as_str(), flags.params.as_deref()), ("@n", Some("0x01")));
    assert_eq!(flags.code.as_deref(), Some(Path::new("/job.wasm")));
}

#[test]
fn what_is_wrong_is_named_with_file_line_and_key() {
    for (text, says) in [
        ("name = \"n\"\n\nstrat = 7\n", &["job.toml, line 3, strat", "did you mean start?"][..]),
        ("name = \"n\"\nxyzzy = 7\n", &["line 2, xyzzy", "no such key"]),
        ("name = \"n\"\nfile = \"x\"\n", &["line 2, file", "no such key"]),
        ("start = \"soon\"\n", &["line 1, start", "\"soon\" is no moment"]),
        ("missed = \"never\"\n", &["line 1, missed", "all, skip"]),
        ("callback_gas = -1\n", &["line 1, callback_gas", "-1"]),
        ("callback_gas = [1, 2]\n", &["line 1, callback_gas", "one value"]),
        ("name = true\n", &["line 1, name", "boolean", "quotes"]),
        ("[name]\nx = 1\n", &["line 1, name", "table"]),
        ("name = \"n\"\ncallback_gas = 1\ncallback-gas = 2\n", &["line 3, callback-gas", "twice"]),
        ("name = \n", &["job.toml is no TOML", "line 1"]),
        ("name = \"n\"\nname = \"m\"\n", &["job.toml is no TOML", "line 2"]),
        ("name = \"n\"\ncode = \"a\"\ncode_hash = \"b\"\n", &["--code", "--code-hash", "cannot be used"]),
        ("callback_gas = 1\n", &["--name <NAME> is missing, here as in", "job.toml"]),
    ] {
        let error = refused(text, &[]);
        assert!(says.iter().all(|part| error.contains(part)), "{text:?}: {error}");
    }
}

#[test]
fn without_a_file_flags_are_needed_as_ever() {
    let asked = Line::try_parse_from(["keeper", "1"]).unwrap().flags.read(&[]).unwrap();
    assert!(asked.is_empty());
    let error = asked.over(Vec::new()).unwrap_err().to_string();
    assert!(error.contains("--name <NAME> is missing"), "{error}");
    assert!(Line::try_parse_from(["keeper"]).is_err(), "what is not of these flags is needed at once");
    assert!(Line::try_parse_from(["keeper", "1", "--callback-gas", "x"]).is_err());
}

#[test]
fn a_file_that_is_not_there_or_too_large_is_an_error() {
    let asked = |file: &str| Line::try_parse_from(["keeper", "1", "--file", file]).unwrap().flags.read(&[]);
    let error = asked("/nowhere/job.toml").unwrap_err();
    assert!(error.to_string().contains("/nowhere/job.toml") && error.to_string().contains("--file"), "{error}");
    assert_eq!(Exit::of(&error), Exit::NotFound);
    assert!(refused(&"#".repeat(300_000), &[]).contains("larger than"));
}

#[test]
fn a_set_is_asked_for_when_one_of_its_flags_is() {
    #[derive(Debug, Clone, Args)]
    struct Part {
        #[arg(long)]
        topic: Vec<String>,
    }
    let asked = |line: &[&str]| {
        let line = [&["keeper", "1"], line].concat();
        Line::try_parse_from(line).unwrap().flags.read(&[]).unwrap()
    };
    assert!(asked(&["--topic", "x"]).has_any::<Part>());
    let other = asked(&["--name", "x"]);
    assert!(!other.has_any::<Part>());
    assert_eq!((other.value("name").unwrap().to_str(), other.value("topic")), (Some("x"), None));
}

proptest::proptest! {
    #[test]
    fn no_file_panics(text in "([a-z_]{1,12} ?= ?[-0-9\"\\[\\]a-z{}@:.]{0,12}\n?){0,4}") {
        let _ = read(&text, &[], Vec::new());
    }
}
