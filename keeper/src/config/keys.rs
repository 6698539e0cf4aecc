//! The keys of `config.toml`, a row each: what suggestions, origins and `docs/config.md` are made of.

use toml::de::DeTable;

/// A name is suggested for another one that is at least this like it, of 1.
const ALIKE: f64 = 0.7;

/// A setting, by all its names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// In `config.toml`; also the name of clap's argument.
    pub name: &'static str,
    /// Its flag, without a value.
    pub flag: &'static str,
    /// Its variable.
    pub env: &'static str,
    /// What it may be.
    pub kind: &'static str,
    /// What holds where nothing is said.
    pub default: &'static str,
    /// What it is for.
    pub what: &'static str,
}

const fn key(
    [name, flag, env]: [&'static str; 3],
    kind: &'static str,
    default: &'static str,
    what: &'static str,
) -> Key {
    Key { name, flag, env, kind, default, what }
}

/// All of them, in the order of the template.
pub const KEYS: [Key; 18] = [
    key(
        ["network", "--network", "KEEPER_NETWORK"],
        "file, or the name of a network",
        "none: it must be named",
        "The network file, written by the deployer: chain, contracts, RPC nodes, bootnodes. A name stands for NAME.toml in `networks` beside \
         the config file, in /etc/keeper/networks, or in /usr/share/keeper/networks, whichever has it first.",
    ),
    key(
        ["rpc_urls", "--rpc-url", "KEEPER_RPC_URL"],
        "list of URLs (http, https)",
        "those of the network file",
        "RPC nodes, used in place of the network file's. Give several, of different providers.",
    ),
    key(
        ["bootnodes", "--bootnode", "KEEPER_BOOTNODE"],
        "list of multiaddrs that end in /p2p/<peer id>",
        "those of the network file alone",
        "Where to find the mesh, in addition to the network file's.",
    ),
    key(
        ["sentries", "--sentry", "KEEPER_SENTRY"],
        "list of peer ids",
        "none",
        "Peers that may connect though they are no operators, such as relays of yours.",
    ),
    key(
        ["listen", "--listen", "KEEPER_LISTEN"],
        "list of multiaddrs",
        "/ip4/0.0.0.0/tcp/7419",
        "Addresses to listen on for peers: over TCP, and over QUIC where one is named, such as /ip4/0.0.0.0/udp/7419/quic-v1.",
    ),
    key(
        ["external_addrs", "--external-addr", "KEEPER_EXTERNAL_ADDR"],
        "list of multiaddrs",
        "none",
        "What to tell peers in addition, behind a NAT: the address that the world sees, for each transport.",
    ),
    key(["max_peers", "--max-peers", "KEEPER_MAX_PEERS"], "number", "64", "Most peers to look for."),
    key(
        ["api_addr", "--api-addr", "KEEPER_API_ADDR"],
        "IP:PORT",
        "127.0.0.1:7420",
        "Where the read-only API listens. Keep it on loopback.",
    ),
    key(
        ["metrics_addr", "--metrics-addr", "KEEPER_METRICS_ADDR"],
        "IP:PORT",
        "127.0.0.1:7421",
        "Where Prometheus finds the metrics.",
    ),
    key(
        ["password_file", "--password-file", "KEEPER_PASSWORD_FILE"],
        "file",
        "systemd's credential `keystore-password`, else the terminal is asked",
        "File whose first line is the password of the keystores.",
    ),
    key(
        ["cache_dir", "--cache-dir", "KEEPER_CACHE_DIR"],
        "directory",
        "cache in the data directory",
        "Job code, and what it was compiled to. May be shared between keepers of one machine, and deleted.",
    ),
    key(
        ["challenge", "--challenge", "KEEPER_CHALLENGE"],
        "true or false",
        "true",
        "Prove misbehaviour of other keepers on chain, at the price of a transaction. `--no-challenge` leaves it to others.",
    ),
    key(
        ["region", "--region", "KEEPER_REGION"],
        "text of up to 32 printable ASCII characters",
        "none",
        "Where this keeper is, in your words; shown to the whole mesh.",
    ),
    key(
        ["min_balance", "--min-balance", "KEEPER_MIN_BALANCE"],
        "amount: 0.05ether, 20gwei, or wei",
        "none: the check `gas` knows only what transactions cost",
        "Coin below which the check `gas` is red.",
    ),
    key(
        ["alert_webhook", "--alert-webhook", "KEEPER_ALERT_WEBHOOK"],
        "URL (http, https)",
        "none",
        "Told by POST of every check that turns red, or fine again.",
    ),
    key(
        ["log_level", "--log-level", "KEEPER_LOG_LEVEL"],
        "filter, such as info or warn,keeper=debug",
        "RUST_LOG, else info for join and warn for all else",
        "How much is logged.",
    ),
    key(["log_format", "--log-format", "KEEPER_LOG_FORMAT"], "text or json", "text", "How logs look."),
    key(
        ["log_dir", "--log-dir", "KEEPER_LOG_DIR"],
        "directory",
        "none: the log goes to stderr alone",
        "Where `keeper join` keeps its log besides, a file a day, the last seven days. `keeper logs` reads them.",
    ),
];

/// The line of each key in a TOML file, from 1, by what the file itself calls it.
pub(crate) fn lines(text: &str) -> Vec<(String, usize)> {
    let Ok(table) = DeTable::parse(text) else { return Vec::new() };
    let line = |place: usize| text.get(..place).unwrap_or_default().matches('\n').count() + 1;
    let mut lines: Vec<_> =
        table.into_inner().into_iter().map(|(key, _)| (key.get_ref().to_string(), line(key.span().start))).collect();
    lines.sort_by_key(|(_, line)| *line);
    lines
}

/// What is wrong with the first key that is none, with its line and the key that may have been meant.
pub(super) fn unknown(text: &str) -> Option<String> {
    let (name, line) = lines(text).into_iter().find(|(name, _)| KEYS.iter().all(|key| key.name != name))?;
    // A line without its key: what stands there may be a URL.
    let shown = if name.contains("://") { "(a URL, not shown)".to_owned() } else { crate::text::shown(&name) };
    let hint = match nearest(&name, KEYS.iter().map(|key| key.name)) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => "`keeper config default` shows all keys".to_owned(),
    };
    Some(format!("line {line}: there is no key `{shown}`; {hint}"))
}

/// The word that is most like another one, if one is like it at all.
pub(crate) fn nearest<'a>(word: &str, words: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let alike = words.map(|known| (strsim::jaro_winkler(word, known), known));
    let best = alike.max_by(|(one, _), (other, _)| one.total_cmp(other))?;
    (best.0 >= ALIKE).then_some(best.1)
}
