//! `bootnode dnsaddr`: the DNS records that give a bootnode a name, so that its machine may move without anybody's settings
//! changing. The peer id in each record, and in the address that keepers are given, is what they trust; the DNS only says where
//! to look.

use std::fmt::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use p2p::{Identity, Multiaddr, PeerId, parse_bootnode};
use serde_json::json;

/// The longest string of a TXT record, in bytes.
const LONGEST_TEXT: usize = 255;
/// The longest name in the DNS, in characters, and the longest part between two dots.
const LONGEST_NAME: usize = 253;
const LONGEST_LABEL: usize = 63;

/// What the records are made of.
#[derive(Debug, Clone, Args)]
pub struct DnsaddrArgs {
    /// Name that the bootnode is to have, such as boot.example.org
    #[arg(value_name = "NAME", value_parser = host_name)]
    pub name: String,
    /// File with the bootnode's key
    #[arg(long, default_value = "bootnode.key", value_name = "FILE")]
    pub identity_file: PathBuf,
    /// Address under which everybody reaches it, such as /ip4/203.0.113.7/tcp/7419 or
    /// /ip4/203.0.113.7/udp/7419/quic-v1; may be given several times
    #[arg(long, value_name = "MULTIADDR", required = true)]
    pub external: Vec<Multiaddr>,
    /// Seconds for which a record may be remembered
    #[arg(long, default_value_t = 300, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=604_800))]
    pub ttl: u32,
    /// Print a JSON object instead of lines of a zone file
    #[arg(long)]
    pub json: bool,
}

/// The records, as lines of a zone file, and the address that keepers are given; or both as JSON.
///
/// # Errors
/// When there is no key yet, or an address is none that everybody can dial.
pub fn records(args: &DnsaddrArgs) -> Result<String> {
    let path = args.identity_file.display();
    let identity = Identity::load(&args.identity_file);
    let identity = identity.with_context(|| {
        format!("no key in --identity-file {path}: the bootnode makes it when it starts for the first time")
    })?;
    let peer = identity.peer_id();
    let texts = args.external.iter().map(|address| text(address, peer)).collect::<Result<Vec<_>>>()?;
    let (name, ttl) = (format!("_dnsaddr.{}", args.name), args.ttl);
    let bootnode = format!("/dnsaddr/{}/p2p/{peer}", args.name);
    if args.json {
        let document =
            json!({"schema": 1, "name": name, "type": "TXT", "ttl": ttl, "records": texts, "bootnode": bootnode});
        return Ok(format!("{document}\n"));
    }
    let mut lines = String::new();
    for text in texts {
        writeln!(lines, "{name}. {ttl} IN TXT \"{text}\"")?;
    }
    writeln!(lines, "; keepers are given: --bootnode {bootnode}")?;
    Ok(lines)
}

/// What a record says of one address.
fn text(address: &Multiaddr, peer: PeerId) -> Result<String> {
    let written = address.to_string();
    let named = written.rsplit_once("/p2p/").map(|(_, id)| id);
    ensure!(
        named.is_none_or(|id| id == peer.to_string()),
        "--external {written} names another peer than the key in --identity-file, which is {peer}"
    );
    let whole = if named.is_some() { written.clone() } else { format!("{written}/p2p/{peer}") };
    parse_bootnode(&whole).with_context(|| format!("--external {written} is no address of a bootnode"))?;
    let nowhere = ["/ip4/0.0.0.0/", "/ip4/127.", "/ip6/::/", "/ip6/::1/", "/dnsaddr/"];
    if let Some(what) = nowhere.into_iter().find(|start| whole.starts_with(start)) {
        bail!(
            "--external {written} leads nobody to this bootnode ({what}…): give the address by which the world reaches it"
        );
    }
    let text = format!("dnsaddr={whole}");
    ensure!(text.len() <= LONGEST_TEXT, "--external {written} is too long for a TXT record of {LONGEST_TEXT} bytes");
    Ok(text)
}

/// A host's name, in lower case and without the dot at its end.
fn host_name(given: &str) -> Result<String, String> {
    let name = given.trim_end_matches('.').to_ascii_lowercase();
    let is_label = |label: &str| {
        let fits = (1..=LONGEST_LABEL).contains(&label.len());
        let edges = !label.starts_with('-') && !label.ends_with('-');
        fits && edges && label.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-')
    };
    let room = LONGEST_NAME - "_dnsaddr.".len();
    if name.len() > room || !name.contains('.') || !name.split('.').all(is_label) {
        return Err("not a host's name such as boot.example.org".to_owned());
    }
    Ok(name)
}

#[cfg(test)]
mod tests;
