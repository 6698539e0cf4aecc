//! `keeper cert verify`: whether receipts hold: by themselves, and against the chain where one is named.

mod on_chain;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use self::on_chain::Witness;
use super::output::{answer, rows};
use super::receipt::{described, summary};
use super::{Exit, Global, WithExit};
use crate::receipt::{Proven, Receipt, Refusal, Unreadable, check, read_from};

/// `keeper cert ...`
#[derive(Debug, Subcommand)]
pub enum CertCommand {
    /// Check receipts: by themselves, and where --network or --rpc-url names a chain against it; exit code 1 if one does not hold
    Verify(VerifyArgs),
}

/// Flags of `keeper cert verify`.
#[derive(Debug, Clone, Args)]
pub struct VerifyArgs {
    /// Receipts, as `keeper job receipt --out FILE` writes them
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Ask no chain, even if one is named in the environment
    #[arg(long)]
    offline: bool,
}

/// What was found out about one receipt.
struct Finding {
    file: PathBuf,
    receipt: Receipt,
    proven: Option<Proven>,
    refused: Vec<Refusal>,
    /// What the chain was not asked, in words.
    unasked: Option<&'static str>,
}

pub(super) async fn run(global: &Global, command: CertCommand) -> Result<Exit> {
    let CertCommand::Verify(args) = command;
    let mut receipts = Vec::new();
    for file in args.files {
        let receipt = load(&file)?;
        receipts.push((file, receipt));
    }
    let asks = !args.offline && (global.network.is_some() || !global.rpc_urls.is_empty());
    let mut found = Vec::new();
    for (file, receipt) in receipts {
        let mut finding = Finding { file, receipt, proven: None, refused: Vec::new(), unasked: None };
        match check(&finding.receipt) {
            Ok(proven) => finding.proven = Some(proven),
            Err(refused) => finding.refused = refused,
        }
        // What does not hold by itself needs no witness.
        if !asks {
            finding.unasked =
                Some("whether that is the chain's operator table, and whether it settled: --network or --rpc-url");
        } else if finding.refused.is_empty() {
            let witness = Witness::call(global, &finding.receipt).await?;
            (finding.refused, finding.unasked) = witness.hear(&finding.receipt).await?;
        }
        found.push(finding);
    }
    let documents: Vec<Value> = found.iter().map(Finding::document).collect();
    let text: Vec<String> = found.iter().map(|finding| rows(&finding.lines())).collect();
    answer(global, json!({"receipts": documents}), &text.join("\n"));
    let is_valid = found.iter().all(|finding| finding.refused.is_empty());
    Ok(if is_valid { Exit::Success } else { Exit::Failure })
}

/// Reads a receipt that a command names.
pub(super) fn load(file: &std::path::Path) -> Result<Receipt> {
    let read = read_from(file);
    let is_other = read.as_ref().is_err_and(|error| error.is::<Unreadable>());
    read.exit(if is_other { Exit::Usage } else { Exit::NotFound })
}

impl Finding {
    fn lines(&self) -> Vec<(&'static str, String)> {
        let verdict = if self.refused.is_empty() { "holds" } else { "REFUSED" };
        let mut lines = vec![("receipt", format!("{}: {verdict}", self.file.display()))];
        lines.extend(self.refused.iter().map(|refusal| ("refused", format!("{}: {}", refusal.field, refusal.why))));
        if let (Some(proven), true) = (&self.proven, self.refused.is_empty()) {
            lines.extend(described(&self.receipt));
            let (whole, part) = (proven.signed_bps / 100, proven.signed_bps % 100);
            lines.push(("signers", format!("{}, with {whole}.{part:02} % of the stake", proven.signers.len())));
            lines.extend(self.unasked.map(|what| ("not asked", what.to_owned())));
            lines.push(("not shown", "that the job gives this: `keeper replay` runs it again".to_owned()));
        }
        lines
    }

    fn document(&self) -> Value {
        let refused = self.refused.iter().map(|refusal| json!({"field": refusal.field, "why": refusal.why}));
        let proven = self.proven.as_ref().filter(|_| self.refused.is_empty());
        json!({
            "file": self.file,
            "valid": self.refused.is_empty(),
            "refused": refused.collect::<Vec<_>>(),
            "not_asked": self.unasked,
            "receipt": summary(&self.receipt),
            "signers": proven.map(|proven| &proven.signers),
            "signed_bps": proven.map(|proven| proven.signed_bps as u64),
        })
    }
}
