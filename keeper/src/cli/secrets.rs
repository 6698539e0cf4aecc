//! `keeper secrets`: what jobs may have sent in headers, each to its own host. No job sees one, and none is ever shown.

use std::io::{BufRead as _, IsTerminal as _, Read as _, Write as _};

use anyhow::{Result, anyhow, ensure};
use clap::{Args, Subcommand};
use serde_json::json;

use super::output::{answer, rows};
use super::{Exit, Global, WithExit};
use crate::keystore::{Keystore, SecretName, Secrets, Strength};

/// Longest line that is read for one, in bytes.
const MAX_LINE: u64 = 4096;

/// `keeper secrets ...`
#[derive(Debug, Subcommand)]
pub enum SecretsCommand {
    /// Keep a secret, read from stdin: one line
    Set {
        #[command(flatten)]
        of: OfArgs,
        /// Cheap password hashing, for local networks only
        #[arg(long)]
        light_scrypt: bool,
    },
    /// Show which there are, without their values
    List,
    /// Let go of a secret
    Rm {
        #[command(flatten)]
        of: OfArgs,
        /// Cheap password hashing, for local networks only
        #[arg(long)]
        light_scrypt: bool,
    },
}

/// Which secret.
#[derive(Debug, Clone, Args)]
pub struct OfArgs {
    /// As jobs write it: {{secret:NAME}}
    #[arg(value_name = "NAME")]
    name: String,
    /// The host that it is sent to, and no other: api.example.com
    #[arg(long, value_name = "HOST")]
    host: String,
    /// The only job that it is for [default: any that names the host]
    #[arg(long, value_name = "ID")]
    job: Option<u64>,
}

impl OfArgs {
    fn named(&self) -> SecretName {
        SecretName { name: self.name.clone(), host: self.host.clone(), job: self.job }
    }
}

pub(super) fn run(global: &Global, command: SecretsCommand) -> Result<Exit> {
    let (paths, settings) = (global.paths()?, global.settings()?);
    let keystore = Keystore::at(&paths.keystores());
    // Keys and secrets open with one password.
    keystore.public()?;
    let password = global.password(&settings, false)?;
    let mut secrets = keystore.secrets(&password)?;
    let (of, light_scrypt, done) = match command {
        SecretsCommand::List => return Ok(list(global, &secrets)),
        SecretsCommand::Set { of, light_scrypt } => {
            keystore.open_wallet(&password)?;
            let value = line()?;
            let replaced = secrets.set(of.named(), &value).map_err(|why| anyhow!(why)).exit(Exit::Usage)?;
            (of, light_scrypt, if replaced { "replaced" } else { "kept" })
        }
        SecretsCommand::Rm { of, light_scrypt } => {
            if !secrets.remove(&of.named()) {
                let none = format!("there is no secret {} for {}: see `keeper secrets list`", of.name, of.host);
                return Err(anyhow!(none)).exit(Exit::NotFound);
            }
            (of, light_scrypt, "removed")
        }
    };
    let strength = if light_scrypt { Strength::Light } else { Strength::Standard };
    let file = keystore.store_secrets(&secrets, &password, strength)?;
    let text = format!("{done} {} for {}; a running keeper takes it up when it is started again\n", of.name, of.host);
    answer(global, json!({"name": of.name, "host": of.host, "job": of.job, "done": done, "file": file}), &text);
    Ok(Exit::Success)
}

/// One line of stdin, which is asked for where somebody types.
fn line() -> Result<String> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        let words = "the secret, and Enter (it is shown as you type: pipe it in to avoid that)";
        let _ = writeln!(std::io::stderr(), "{words}");
    }
    let mut text = String::new();
    stdin.lock().take(MAX_LINE).read_line(&mut text)?;
    let text = text.trim_end_matches(['\r', '\n']);
    ensure!(
        !text.is_empty(),
        "there is no secret on stdin: pipe it in, as in `keeper secrets set NAME --host HOST < file`"
    );
    Ok(text.to_owned())
}

fn list(global: &Global, secrets: &Secrets) -> Exit {
    let names = secrets.names();
    let row = |of: &SecretName| {
        let whose = of.job.map_or_else(|| "any job that names the host".to_owned(), |job| format!("job {job}"));
        format!("to {}, for {whose}", of.host)
    };
    let lines: Vec<(&str, String)> = names.iter().map(|of| (of.name.as_str(), row(of))).collect();
    let text = if lines.is_empty() { "there are no secrets\n".to_owned() } else { rows(&lines) };
    answer(global, json!({"secrets": names}), &text);
    Exit::Success
}
