//! `keeper explain`: what an error's code means, from the page that this program carries.

use anyhow::{Result, anyhow};
use clap::Args;
use serde_json::json;

use super::output::answer;
use super::{Code, Exit, Global, WithExit};
use crate::config::nearest;

/// Flags of `keeper explain`.
#[derive(Debug, Clone, Args)]
pub struct ExplainArgs {
    /// Code of an error, such as K-KEY-01; without one, all are listed
    code: Option<String>,
}

pub(super) fn run(global: &Global, args: &ExplainArgs) -> Result<Exit> {
    let Some(wanted) = &args.code else {
        let codes: Vec<_> = Code::ALL.iter().map(|code| json!({"code": code.id(), "help": code.help()})).collect();
        let line = |code: &Code| format!("{:11} {}\n", code.id(), title(*code));
        answer(global, json!({"codes": codes}), &Code::ALL.iter().map(line).collect::<String>());
        return Ok(Exit::Success);
    };
    let code = Code::named(wanted).ok_or_else(|| {
        let alike = nearest(&wanted.to_uppercase(), Code::ALL.iter().map(|code| code.id()));
        let hint = alike.map_or("`keeper explain` lists them".to_owned(), |code| format!("did you mean {code}?"));
        anyhow!("there is no error {}: {hint}", crate::text::shown(wanted))
    });
    let code = code.exit(Exit::NotFound)?;
    let document = json!({"code": code.id(), "exit": code.exit().code(), "text": code.text(), "help": code.help()});
    answer(global, document, &format!("{}\n\n{}", code.id(), code.text()));
    Ok(Exit::Success)
}

/// The words in bold that each part begins with.
fn title(code: Code) -> &'static str {
    code.text().split("**").nth(1).unwrap_or_default()
}
