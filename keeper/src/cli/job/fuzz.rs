//! `job.toml`, for [`crate::cli::fuzz`].

use std::path::Path;

use super::flags::{CreateFlags, Now};
pub use super::import::fuzz::{gelato_trigger, gelato_trigger_seeds, offchain_config, offchain_config_seeds};
use crate::cli::filed::Asked;

const NOW: Now = Now { time: 1_780_000_000, block: 20_000_000 };

/// A job as a file.
pub fn job_file(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    // What a file names is read from the disk, which is none of this.
    let names_files = text.contains('@') || text.lines().any(|line| line.trim_start().starts_with("code"));
    let asked = Asked::<CreateFlags>::of_text(text, Path::new("job.toml"));
    let flags = asked.and_then(|asked| asked.over(Vec::new()));
    match flags {
        Ok(flags) if !names_files => {
            let _ = (flags.terms.check(), flags.terms.trigger(NOW));
        }
        Ok(_) => {}
        Err(error) => assert!(!error.to_string().is_empty(), "an error says something"),
    }
}

/// The file that the documentation shows, as it is, and with its lines in force for one trigger and action after the other.
#[must_use]
pub fn job_file_seeds() -> Vec<Vec<u8>> {
    let whole = include_str!("../../../../docs/job.toml");
    let always: String = whole.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect();
    let lines = [
        "trigger = \"interval\"\nevery = \"5m\"\nstart = 2099-01-31T12:00:00Z\naction = \"call\"\ncalldata = \"0xd09de08a\"\n",
        "trigger = \"cron\"\ncron = \"0 9 * * 1-5\"\naction = \"upkeep\"\ncheck_data = \"0x\"\nmissed = \"once\"\n",
        "trigger = \"blocks\"\nevery_blocks = 100\nfirst_block = 30_000_000\naction = \"resolver\"\n\
         resolver = \"0x00000000000000000000000000000000000000bb\"\nmost_gas_price = \"30gwei\"\n",
    ];
    let jobs = lines.map(|lines| format!("{}{lines}", always.trim_start()).into_bytes());
    [whole.as_bytes().to_vec()].into_iter().chain(jobs).collect()
}
