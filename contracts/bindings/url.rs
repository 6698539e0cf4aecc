//! What of an RPC node's URL may be shown: its origin. Users, paths and queries of such URLs hold keys.

use alloy::transports::http::reqwest::Url;

/// Stands for what is not shown.
const MASK: &str = "***";
/// Shorter parts of a path are words, and hide too much of a text.
const SHORTEST_KEY: usize = 6;

/// Scheme, host and port; words where it is no URL.
#[must_use]
pub fn origin(url: &str) -> String {
    Url::parse(url).map_or_else(|_| "(no URL)".to_owned(), |url| url.origin().ascii_serialization())
}

/// Whether a URL has a part that may be a key; what is no URL may be one as a whole.
#[must_use]
pub fn may_hold_a_key(url: &str) -> bool {
    Url::parse(url).map_or(true, |url| !secrets(&url).is_empty())
}

/// A text, such as an error of an HTTP client or a node, without this URL and the parts of it that may be keys.
#[must_use]
pub fn masked(text: &str, url: &str) -> String {
    let Ok(parsed) = Url::parse(url) else {
        return if url.is_empty() { text.to_owned() } else { text.replace(url, MASK) };
    };
    // The longest first: one may be a part of another.
    let mut secrets = secrets(&parsed);
    secrets.sort_unstable_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), MASK))
}

fn secrets(url: &Url) -> Vec<String> {
    let mut secrets: Vec<String> = Vec::new();
    secrets.extend(Some(url.username().to_owned()));
    secrets.extend(url.password().map(str::to_owned));
    secrets.extend(Some(url.path().to_owned()).filter(|path| path != "/"));
    secrets
        .extend(url.path_segments().into_iter().flatten().filter(|part| part.len() >= SHORTEST_KEY).map(str::to_owned));
    secrets.extend(url.query().map(str::to_owned));
    secrets.extend(url.query_pairs().map(|(_, value)| value.into_owned()).filter(|value| value.len() >= SHORTEST_KEY));
    secrets.retain(|secret| !secret.is_empty());
    secrets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_the_origin_is_shown() {
        for (url, shown) in [
            ("https://node.example/v3/0123456789abcdef", "https://node.example"),
            ("https://name:password@node.example:8545/", "https://node.example:8545"),
            ("https://node.example/?apikey=0123456789abcdef", "https://node.example"),
            ("http://127.0.0.1:8545", "http://127.0.0.1:8545"),
        ] {
            assert_eq!(origin(url), shown);
            let text = masked(&format!("no answer for url ({url}), key 0123456789abcdef, password"), url);
            assert_eq!(may_hold_a_key(url), text.contains(MASK), "{text}");
            if may_hold_a_key(url) {
                assert!(!text.contains("0123456789abcdef") || !url.contains("0123456789abcdef"), "{text}");
                assert!(!text.contains("password") || !url.contains("password"), "{text}");
            }
        }
        assert!(may_hold_a_key("0123456789abcdef"));
        assert_eq!(masked("what is 0123456789abcdef", "0123456789abcdef"), "what is ***");
        assert_eq!(origin("0123456789abcdef"), "(no URL)");
    }
}
