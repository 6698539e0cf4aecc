mod reference;

use clap::CommandFactory;

use super::chain::{coin, parse_amount};
use super::*;
use alloy::primitives::U256;

const BOOTNODE: &str = "/ip4/203.0.113.7/tcp/7419/p2p/12D3KooWR6wQxdhCMCcPYqbp3zjJ9WVFXDksfYr4ZSh7TcyLitZZ";

fn parse(line: &[&str]) -> Result<Cli, clap::Error> {
    super::start::parse([&["keeper"], line].concat().into_iter().map(std::ffi::OsString::from))
}

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
}

/// A URL in the environment may hold a key, and so may whatever somebody put into the wrong variable.
#[test]
fn help_shows_nothing_of_the_environment() {
    fn check(command: &clap::Command) {
        for argument in command.get_arguments().filter(|argument| argument.get_env().is_some()) {
            assert!(argument.is_hide_env_values_set(), "{} {}", command.get_name(), argument.get_id());
        }
        command.get_subcommands().for_each(check);
    }
    check(&Cli::command());
}

#[test]
fn errors_repeat_no_url() {
    for line in [
        &["--rpc-url", "http://user:s3cret@[bad", "status"][..],
        &["--rpc-url", "s3cret", "status"],
        &["status", "--api-url", "http://user:s3cret@[bad"],
        &["join", "--listen", "http://user:s3cret@host"],
        &["join", "--rpc-url", "http://a/b", "http://user:s3cret@host"],
        &["--rpc-url", "http://a/b", "http://user:s3cret@host", "join"],
    ] {
        let error = super::start::without_secret(parse(line).unwrap_err()).to_string();
        assert!(!error.contains("s3cret"), "{error}");
    }
}

#[test]
fn values_from_elsewhere_forge_no_rows() {
    let text =
        super::output::rows(&[("code URL", "x\nstatus     active\u{1b}[2J".to_owned()), ("fee", "1".to_owned())]);
    assert_eq!(text, "code URL  x\\nstatus     active\\u{1b}[2J\nfee       1\n");
}

#[test]
fn json_is_taken_by_every_verb() {
    let verbs: [&[&str]; 44] = [
        &["init"],
        &["keys", "new"],
        &["keys", "show"],
        &["operator", "register"],
        &["operator", "status"],
        &["operator", "claim"],
        &["join"],
        &["job", "list", "--status", "active"],
        &["job", "update", "1", "--fee", "1"],
        &["job", "cost", "--file", "job.toml"],
        &["job", "new", "there", "--template", "payment"],
        &["job", "build"],
        &["job", "test", "--rpc", "http://127.0.0.1:1", "--block", "7", "--every", "5m", "--expect", "call"],
        &["job", "dev", "there", "--runs", "1"],
        &["job", "show", "1"],
        &["job", "fund", "1", "--amount", "1ether"],
        &["job", "pause", "1"],
        &["job", "resume", "1"],
        &["job", "cancel", "1"],
        &["job", "withdraw", "1", "--amount", "1ether"],
        &["job", "runs", "1", "--missed", "--limit", "5"],
        &["job", "watch", "1"],
        &["status"],
        &["peers"],
        &["top", "--once"],
        &["doctor", "--report", "f"],
        &["job", "why", "1", "7"],
        &["journal", "show"],
        &["journal", "export", "f"],
        &["journal", "import", "f"],
        &["keys", "list"],
        &["keys", "import", "f", "g", "--from-password-file", "p"],
        &["keys", "export", "bls", "f", "--new-password-file", "p", "--yes"],
        &["keys", "passwd", "--new-password-file", "p"],
        &["backup", "create", "f"],
        &["backup", "verify", "f"],
        &["backup", "restore", "f", "--keep-journal"],
        &["logs", "-f", "--since", "10m"],
        &["config", "show", "--origin"],
        &["config", "check"],
        &["explain", "K-KEY-01"],
        &["completions", "bash"],
        &["man"],
        &["version"],
    ];
    for verb in verbs {
        let cli = parse(&[verb, &["--json", "--datadir", "d"]].concat()).unwrap();
        assert!(cli.global.json && cli.global.datadir.is_some(), "{verb:?}");
    }
}

#[test]
fn join_reads_its_addresses() {
    let both = format!("{BOOTNODE},{BOOTNODE}");
    let line = [
        "join",
        "--bootnode",
        &both,
        "--bootnode",
        BOOTNODE,
        "--listen",
        "/ip4/127.0.0.1/tcp/0",
        "--api-addr",
        "127.0.0.1:0",
    ];
    let Command::Join(args) = parse(&line).unwrap().command else { panic!("not join") };
    assert_eq!(args.node.bootnodes.len(), 3);
    assert_eq!(args.node.listen.len(), 1);
    assert_eq!(args.node.api_addr.unwrap().port(), 0);
    assert!(!args.accept_empty_journal);
}

#[test]
fn join_challenges_unless_told_otherwise() {
    let challenge = |flags: &[&str]| {
        let line = [&["--network", "network.toml", "--datadir", "nowhere", "join"], flags].concat();
        let cli = parse(&line).unwrap();
        let Command::Join(args) = cli.command else { panic!("not join") };
        args.node.config(&cli.global).unwrap().challenge
    };
    assert!(challenge(&[]), "on by default");
    assert!(challenge(&["--challenge"]));
    assert!(!challenge(&["--no-challenge"]));
    assert!(challenge(&["--no-challenge", "--challenge"]), "the last word counts");
}

#[test]
fn malformed_addresses_are_usage_errors_that_say_what_is_wrong() {
    for (flag, value) in [
        ("--bootnode", "/ip4/1.2.3/tcp/1"),
        ("--bootnode", "/ip4/203.0.113.7/tcp/7419"),
        ("--bootnode", "203.0.113.7:7419"),
        ("--listen", "0.0.0.0:7419"),
        ("--api-addr", "localhost"),
        ("--max-peers", "many"),
        ("--rpc-url", "not a url"),
    ] {
        let error = parse(&["join", flag, value]).unwrap_err();
        assert_eq!(error.exit_code(), i32::from(Exit::Usage.code()), "{flag} {value}");
        let message = error.to_string();
        assert!(message.contains(flag) && message.contains(value), "{message}");
    }
}

#[test]
fn jobs_pin_their_code_in_one_way() {
    let zero = "0x0000000000000000000000000000000000000001";
    let hash = "0x".to_owned() + &"11".repeat(32);
    let base = [
        "job",
        "create",
        "--every",
        "2s",
        "--code-url",
        "http://127.0.0.1/x",
        "--target",
        zero,
        "--fee",
        "1",
        "--fund",
        "2",
    ];
    assert!(parse(&[&base[..], &["--code-hash", &hash]].concat()).is_ok());
    assert!(parse(&[&base[..], &["--code", "x.wasm"]].concat()).is_ok());
    assert!(parse(&[&base[..], &["--code", "x.wasm", "--code-hash", &hash]].concat()).is_err());
}

#[test]
fn amounts_are_read_and_written() {
    let ether = U256::from(10u64.pow(18));
    assert_eq!(parse_amount("0.05ether").unwrap() * U256::from(20), ether);
    assert_eq!(parse_amount("20 gwei").unwrap(), U256::from(20_000_000_000u64));
    assert_eq!(parse_amount("12").unwrap(), U256::from(12));
    for wrong in ["", "-1ether", "-1", "1 euro", "0.1", "0.0000000000000000001ether", "ether", "1e18"] {
        assert!(parse_amount(wrong).is_err(), "{wrong:?} was read as {:?}", parse_amount(wrong));
    }
    assert_eq!(coin(ether), "1 ether");
    assert_eq!(coin(parse_amount("0.05ether").unwrap()), "0.05 ether");
}

#[test]
fn errors_find_their_exit_codes_through_contexts() {
    use anyhow::Context;
    let wrong_password = anyhow::Error::from(crate::keystore::Error::WrongPassword { path: "k".into() });
    assert_eq!(Exit::of(&wrong_password.context("could not start")), Exit::Key);
    let in_use = crate::paths::Error::InUse { path: "d".into(), pid: None };
    assert_eq!(Exit::of(&in_use.into()), Exit::Data);
    assert_eq!(Exit::of(&crate::journal::Error::Missing { path: "j".into() }.into()), Exit::Protection);
    assert_eq!(Exit::of(&crate::chain::ChainError::Unreachable("x".into()).into()), Exit::Chain);
    let marked = Err::<(), _>(anyhow::anyhow!("gone")).exit(Exit::NotFound).context("could not look");
    let marked = marked.unwrap_err();
    assert_eq!(Exit::of(&marked), Exit::NotFound);
    assert_eq!(format!("{marked:#}"), "could not look: gone");
    assert_eq!(Exit::of(&anyhow::anyhow!("anything")), Exit::Failure);
}

/// What a restart does not help stays down; what passes is started again, whatever file it was noticed at.
#[test]
fn a_supervisor_restarts_on_what_may_pass_alone() {
    use crate::chain::ChainError;
    use std::io::Error as Io;
    let url = ChainError::InvalidUrl { position: 1, why: "scheme ws".into(), network_file: "n".into() };
    assert_eq!(Exit::of(&url.into()), Exit::Usage);
    let at = |number: Option<i32>| -> Vec<(Exit, anyhow::Error)> {
        let source = || number.map_or_else(|| Io::other("odd"), Io::from_raw_os_error);
        let path = std::path::PathBuf::from("f");
        let identity = p2p::IdentityError::File { action: "write", path: path.clone(), source: source() };
        let ledger = ChainError::Ledger { file: path.clone(), why: "cannot be written".into(), system: number };
        let journal =
            crate::journal::Error::Io { path: path.clone(), action: "written", cause: String::new(), system: number };
        vec![
            (Exit::Data, crate::paths::Error::Io { action: "lock", path: path.clone(), source: source() }.into()),
            (Exit::Key, crate::keystore::Error::Io { action: "read", path: path.clone(), source: source() }.into()),
            (Exit::Key, identity.into()),
            (Exit::Usage, crate::config::Error::Io { path: path.clone(), source: source() }.into()),
            (Exit::Usage, contracts::network::NetworkError::Read { path: "f".into(), source: source() }.into()),
            (Exit::Data, ledger.into()),
            (Exit::Data, journal.into()),
        ]
    };
    for number in [libc::ENOSPC, libc::EROFS, libc::EIO, libc::EMFILE] {
        for (_, error) in at(Some(number)) {
            assert_eq!(Exit::of(&error.context("could not start")), Exit::Failure, "{number}");
        }
    }
    for number in [Some(libc::EACCES), Some(libc::ENOENT), None] {
        for (exit, error) in at(number) {
            assert_eq!(Exit::of(&error), exit, "{number:?}");
        }
    }
}

#[test]
fn urls_are_shown_neither_in_help_nor_in_errors() {
    let error = parse(&["join", "--rpc-url", "::secret::"]).unwrap_err();
    let shown = super::start::without_secret(error).to_string();
    assert!(shown.contains("--rpc-url") && !shown.contains("secret"), "{shown}");
    let command = Cli::command();
    let argument = command.get_arguments().find(|argument| argument.get_long() == Some("rpc-url")).unwrap();
    assert!(argument.is_hide_env_values_set(), "the variable's value would stand in --help");
}
