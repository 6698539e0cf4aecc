//! `docs/cli.md` and `docs/config.md` are written from what the program itself knows: `UPDATE=1 cargo test -p keeper reference`
//! writes them anew.

use std::fmt::Write;
use std::path::Path;

use clap::{Command, CommandFactory};

use crate::cli::Cli;
use crate::config::KEYS;

/// Letters in a line of help.
const WIDTH: usize = 110;
const CLI_HEAD: &str = "# The command line

What `keeper VERB --help` shows, for every verb. Written by a test from the program itself; do not edit.
";
const CONFIG_HEAD: &str = "# Settings

Every setting is a flag, a variable and a key of `config.toml`; a flag wins over a variable, a variable over the file, the file over the network
file, and that over the default. `keeper config show --origin` shows each with the place it comes from (a flag, a variable, `FILE:LINE`),
`keeper config default` prints a file with all keys, `keeper config check` says whether a keeper could run. A key that there is not is an
error, with the key that may have been meant. Relative paths in the file start at its own directory; on the command line lists are given by
repeating a flag or with commas. Written by a test from the program itself; do not edit.
";

/// Compares a page with what it is to be, or writes it.
fn holds(page: &str, wanted: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(page);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, wanted).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    let first = found.lines().zip(wanted.lines()).enumerate().find(|(_, (found, wanted))| found != wanted);
    assert!(found == wanted, "docs/{page} is not up to date ({first:?}): UPDATE=1 cargo test -p keeper reference");
}

#[test]
fn the_reference_of_the_command_line_is_up_to_date() {
    let mut page = CLI_HEAD.to_owned();
    describe(&Cli::command(), "keeper", &mut page);
    holds("cli.md", &page);
}

/// A verb and all below it, without what every verb takes: that stands with the first.
fn describe(command: &Command, name: &str, page: &mut String) {
    let own = command.clone().bin_name(name).term_width(WIDTH).disable_help_subcommand(true).disable_version_flag(true);
    let help = own.clone().render_long_help().to_string();
    let lines: Vec<_> = help.lines().map(str::trim_end).collect();
    write!(page, "\n## {name}\n\n```text\n{}\n```\n", lines.join("\n").trim_end()).unwrap();
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        describe(below, &format!("{name} {}", below.get_name()), page);
    }
}

#[test]
fn the_reference_of_settings_is_up_to_date() {
    let mut page = CONFIG_HEAD.to_owned();
    for key in KEYS {
        write!(page, "\n## {}\n\n{}\n\n", key.name, key.what).unwrap();
        writeln!(page, "| flag | variable | what it may be | default |\n|---|---|---|---|").unwrap();
        writeln!(page, "| `{}` | `{}` | {} | {} |", key.flag, key.env, key.kind, key.default).unwrap();
    }
    holds("config.md", &page);
}

/// The table of keys says what the flags say.
#[test]
fn every_setting_has_its_flag_and_its_variable() {
    let command = Cli::command();
    let join = command.find_subcommand("join").unwrap();
    for key in KEYS {
        let mut flags = command.get_arguments().chain(join.get_arguments());
        let flag = flags.find(|flag| flag.get_id() == key.name).unwrap_or_else(|| panic!("no flag for {}", key.name));
        assert_eq!(flag.get_long(), key.flag.strip_prefix("--"), "{}", key.name);
        assert_eq!(flag.get_env().and_then(|env| env.to_str()), Some(key.env), "{}", key.name);
    }
}
