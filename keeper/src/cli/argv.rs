//! Secrets on the command line: found before anything reads it, named without being repeated, and not used.

use std::ffi::OsString;

use anyhow::anyhow;
use clap::CommandFactory;

use super::{Cli, Code, WithExit};

/// Flags that other programs take secrets by. None of them is one of ours.
const SECRET_FLAGS: [&str; 12] = [
    "--private-key",
    "--privatekey",
    "--ecdsa-private-key",
    "--bls-private-key",
    "--secret",
    "--secret-key",
    "--password",
    "--keystore-password",
    "--passphrase",
    "--mnemonic",
    "--mnemonic-phrase",
    "--seed-phrase",
];
/// Verbs whose flags take no hash: 64 hex digits there can only be a key.
const HASHLESS: [&str; 14] = [
    "init",
    "keys",
    "operator",
    "join",
    "backup",
    "config",
    "journal",
    "status",
    "top",
    "peers",
    "doctor",
    "logs",
    "completions",
    "man",
];
/// Hex digits of a secret key, and of a hash.
const DIGITS: usize = 64;

/// An error that names where a secret stands on the command line, if one does.
pub(super) fn secret(words: &[OsString]) -> Option<anyhow::Error> {
    let words: Vec<_> = words.iter().skip(1).map(|word| word.to_string_lossy()).collect();
    let command = Cli::command();
    let is_verb = |word: &str| command.get_subcommands().any(|verb| verb.get_name() == word);
    let verb = words.iter().find(|word| is_verb(word)).map(AsRef::as_ref).unwrap_or_default();
    let is_global = |flag: &str| command.get_arguments().any(|own| own.get_long() == flag.strip_prefix("--"));
    let mut before = "";
    for word in &words {
        if word == "--" {
            return None;
        }
        let (flag, value) = match word.split_once('=') {
            Some((flag, value)) if flag.starts_with("--") => (flag, value),
            _ if word.starts_with('-') => (word.as_ref(), ""),
            _ => (before, word.as_ref()),
        };
        if SECRET_FLAGS.contains(&flag) {
            return Some(refused(flag));
        }
        if is_key(value) && (HASHLESS.contains(&verb) || is_global(flag)) {
            return Some(refused(if flag.is_empty() { "an argument" } else { flag }));
        }
        before = if word.starts_with("--") && !word.contains('=') { word.as_ref() } else { "" };
    }
    None
}

/// Whether a word looks like a secret key.
pub(super) fn is_key(word: &str) -> bool {
    let digits = word.strip_prefix("0x").unwrap_or(word);
    digits.len() == DIGITS && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
}

fn refused(place: &str) -> anyhow::Error {
    let what = format!(
        "{} puts a secret on the command line, where every program of this machine and the shell's history have it: it was \
         not used",
        crate::text::shown(place)
    );
    Err::<(), _>(anyhow!(what)).code(Code::SecretArgument).expect_err("it is an error")
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

    fn refusal(line: &str) -> Option<String> {
        let words: Vec<_> = line.split(' ').map(OsString::from).collect();
        secret(&words).map(|error| error.to_string())
    }

    #[test]
    fn secrets_are_refused_wherever_they_stand_and_not_repeated() {
        for (line, place) in [
            (format!("keeper join --private-key {KEY}"), "--private-key"),
            (format!("keeper join --private-key=0x{KEY}"), "--private-key"),
            ("keeper keys new --password hunter2".to_owned(), "--password"),
            ("keeper --mnemonic test join".to_owned(), "--mnemonic"),
            (format!("keeper keys import {KEY}"), "an argument"),
            (format!("keeper keys import 0x{KEY}"), "an argument"),
            (format!("keeper join --password-file {KEY}"), "--password-file"),
            (format!("keeper --password-file={KEY} job list"), "--password-file"),
            (format!("keeper job list --datadir 0x{KEY}"), "--datadir"),
        ] {
            let said = refusal(&line).unwrap_or_else(|| panic!("{line} was taken"));
            assert!(said.contains(place) && said.contains("not used"), "{said}");
            assert!(!said.contains(KEY) && !said.contains("hunter2"), "{said}");
        }
    }

    #[test]
    fn hashes_pass_where_hashes_are_taken() {
        for line in [
            format!("keeper job create --code-hash 0x{KEY}"),
            format!("keeper dispute join 1 --transaction {KEY}"),
            "keeper join --password-file secret --datadir mine".to_owned(),
            "keeper job list --json".to_owned(),
            format!("keeper job test -- {KEY}"),
        ] {
            assert_eq!(refusal(&line), None, "{line}");
        }
    }
}
