//! What of a node's URL must not be shown. Servers echo the path they were asked at (`Route POST:/v3/KEY not found`), in
//! pages and JSON-RPC errors alike, and their words go to logs, checks and the API.

use url::Url;

/// What stands in place of a secret.
const MASK: &str = "***";
/// A part at least this long is masked wherever it stands; a shorter one only as a word of its own: `eth` stays a part
/// of `eth_call`.
const LONG: usize = 8;
/// Letters of a secret at the end of words that are cut off, from which on they are masked.
const CUT: usize = 4;

/// The parts of a URL beyond its origin: path segments, the query, and credentials.
#[derive(Clone, Default)]
pub(super) struct Secrets {
    /// In lower case, the longest first, so that none leaves the rest of another.
    parts: Vec<String>,
}

/// Shows how many there are, and none.
impl std::fmt::Debug for Secrets {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "Secrets({})", self.parts.len())
    }
}

impl Secrets {
    pub(super) fn of(url: &Url) -> Self {
        let mut raw: Vec<&str> = url.path().split('/').collect();
        for pair in url.query().unwrap_or_default().split('&') {
            // A part without a value may be the key itself.
            raw.push(pair.split_once('=').map_or(pair, |(_, value)| value));
        }
        raw.extend([url.username(), url.password().unwrap_or_default(), url.fragment().unwrap_or_default()]);
        let mut parts = Vec::new();
        for part in raw {
            // Servers show them as they were sent, or decoded.
            let decoded =
                url::form_urlencoded::parse(format!("x={part}").as_bytes()).next().map(|(_, part)| part.into_owned());
            for part in [Some(part.to_owned()), decoded].into_iter().flatten().filter(|part| !part.is_empty()) {
                parts.push(part.to_ascii_lowercase());
            }
        }
        parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
        parts.dedup();
        Self { parts }
    }

    /// The words without any of it.
    pub(super) fn mask(&self, words: &str) -> String {
        let mut masked = words.to_owned();
        for part in &self.parts {
            masked = without(&masked, part);
        }
        masked
    }
}

fn without(words: &str, part: &str) -> String {
    // Letters beyond ASCII keep their length, so places are the same in both.
    let lower = words.to_ascii_lowercase();
    let is_long = part.len() >= LONG;
    let is_word = |sign: Option<char>| sign.is_some_and(|sign| sign.is_ascii_alphanumeric() || sign == '_');
    let (mut masked, mut from) = (String::with_capacity(words.len()), 0);
    for (place, _) in lower.match_indices(part) {
        let end = place + part.len();
        let stands_alone = !is_word(lower[..place].chars().next_back()) && !is_word(lower[end..].chars().next());
        if is_long || stands_alone {
            masked.push_str(&words[from..place]);
            masked.push_str(MASK);
            from = end;
        }
    }
    let rest = &words[from..];
    let cut = (CUT..part.len()).rev().filter(|letters| is_long && part.is_char_boundary(*letters));
    let beginning = cut.map(|letters| &part[..letters]).find(|beginning| lower[from..].ends_with(*beginning));
    masked.push_str(&rest[..rest.len() - beginning.map_or(0, str::len)]);
    if beginning.is_some() {
        masked.push_str(MASK);
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::Secrets;

    fn mask(url: &str, words: &str) -> String {
        Secrets::of(&url.parse().expect("a URL")).mask(words)
    }

    #[test]
    fn no_part_of_a_url_but_its_origin_is_shown() {
        let infura = "https://mainnet.node.io/v3/0123456789abcdef0123";
        let many = "https://name:pass%20word1@node.io/eth/rpc?apikey=SECRETKEY&net=1&BAREKEY99";
        for (url, words, wanted) in [
            (infura, "Route POST:/v3/0123456789abcdef0123 not found", "Route POST:/***/*** not found"),
            (infura, "key 0123456789ABCDEF0123 is over its limit", "key *** is over its limit"),
            (infura, "xx0123456789abcdef0123yy", "xx***yy"),
            (infura, "cut off: /v3/0123456789ab", "cut off: /***/***"),
            (infura, "block 0123 not found", "block 0123 not found"),
            (many, "no route /eth/rpc?apikey=SECRETKEY&net=1&BAREKEY99", "no route /***/***?apikey=***&net=***&***"),
            (many, "name:pass word1 and pass%20word1", "***:*** and ***"),
            (many, "the method eth_call of 11 rpcs does not exist", "the method eth_call of 11 rpcs does not exist"),
            ("http://127.0.0.1:8545", "anything /v3/abc at all", "anything /v3/abc at all"),
            ("http://127.0.0.1:8545/ключ-длинный", "нет /ключ-длинный", "нет /***"),
        ] {
            assert_eq!(mask(url, words), wanted, "{url}");
        }
    }

    #[test]
    fn a_debug_print_shows_none_of_it() {
        let secrets = Secrets::of(&"http://node/secretkey?key=secret".parse().expect("a URL"));
        assert_eq!(format!("{secrets:?}"), "Secrets(2)");
    }
}
