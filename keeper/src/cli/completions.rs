//! `keeper completions` and `keeper man`: the command line for shells and for readers of manuals.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, CommandFactory};
use clap_complete::Shell;
use serde_json::json;

use super::output::answer;
use super::{Cli, Exit, Global};

/// Flags of `keeper completions`.
#[derive(Debug, Clone, Args)]
pub struct CompletionsArgs {
    /// Shell to complete in
    #[arg(value_enum)]
    shell: Shell,
}

/// Flags of `keeper man`.
#[derive(Debug, Clone, Args)]
pub struct ManArgs {
    /// Write a page for each verb into this directory: keeper.1, keeper-join.1 and so on
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(super) fn completions(global: &Global, args: &CompletionsArgs) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "keeper", &mut script);
    let script = String::from_utf8(script).context("the script is no text")?;
    answer(global, json!({"shell": args.shell.to_string(), "script": script}), &script);
    Ok(Exit::Success)
}

pub(super) fn man(global: &Global, args: &ManArgs) -> Result<Exit> {
    let Some(directory) = &args.out else {
        let mut page = Vec::new();
        clap_mangen::Man::new(Cli::command()).render(&mut page).context("could not render the manual")?;
        let page = String::from_utf8(page).context("the page is no text")?;
        answer(global, json!({"page": page}), &page);
        return Ok(Exit::Success);
    };
    let written = || format!("could not write manual pages into {} (--out)", directory.display());
    std::fs::create_dir_all(directory).with_context(written)?;
    clap_mangen::generate_to(Cli::command(), directory).with_context(written)?;
    let text = format!("a page for each verb is in {}: read one with `man -l FILE`\n", directory.display());
    answer(global, json!({"directory": directory}), &text);
    Ok(Exit::Success)
}
