//! Changes of a config file that leave everything else in it as its owner wrote it, remarks and all.

use toml::Value;
use toml::de::DeTable;

use super::Key;

/// The text with `key` set to these words: in the place of its old value, else below the template's line for it, else at the end.
pub(crate) fn set(text: &str, key: &Key, words: &[String]) -> String {
    let line = format!("{} = {}", key.name, value(key, words));
    if let Some((from, to)) = place(text, key.name) {
        return format!("{}{line}{}", &text[..from], &text[to..]);
    }
    let remark = format!("# {} = ", key.name);
    let below = text.split_inclusive('\n').scan(0, |end, line| {
        *end += line.len();
        Some((*end, line))
    });
    match below.into_iter().find(|(_, line)| line.starts_with(&remark)) {
        Some((end, remark)) if remark.ends_with('\n') => format!("{}{line}\n{}", &text[..end], &text[end..]),
        _ if text.trim().is_empty() => format!("{line}\n"),
        _ => format!("{}\n{line}\n", text.trim_end()),
    }
}

/// The text without a key's lines; nothing if it has none.
pub(crate) fn unset(text: &str, name: &str) -> Option<String> {
    let (from, to) = place(text, name)?;
    let from = text[..from].rfind('\n').map_or(0, |end| end + 1);
    let to = text[to..].find('\n').map_or(text.len(), |end| to + end + 1);
    Some(format!("{}{}", &text[..from], &text[to..]))
}

/// Where a key and its value stand, from the first letter of the one to the last of the other.
fn place(text: &str, name: &str) -> Option<(usize, usize)> {
    let table = DeTable::parse(text).ok()?.into_inner();
    let (key, value) = table.into_iter().find(|(key, _)| key.get_ref().as_ref() == name)?;
    Some((key.span().start, value.span().end))
}

/// What is typed as the file has it. What is none of its kind stays a text: whoever reads the file says what is wrong with it.
fn value(key: &Key, words: &[String]) -> Value {
    let word = words.first().map(String::as_str).unwrap_or_default();
    let text = || Value::String(word.to_owned());
    match key.kind.split(' ').next() {
        Some("list") => {
            let each = words.iter().flat_map(|word| word.split(',')).map(str::trim).filter(|word| !word.is_empty());
            Value::Array(each.map(|word| Value::String(word.to_owned())).collect())
        }
        Some("number") => word.parse().map_or_else(|_| text(), Value::Integer),
        Some("true") => word.parse().map_or_else(|_| text(), Value::Boolean),
        _ => text(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{KEYS, TEMPLATE};

    fn key(name: &str) -> &'static Key {
        KEYS.iter().find(|key| key.name == name).unwrap()
    }

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn a_value_takes_the_place_of_the_old_one_and_all_else_stays() {
        let text = "# mine\nmax_peers = 9 # few\nlisten = [\n  \"/ip4/127.0.0.1/tcp/1\", # here\n]\nregion = \"x\"";
        let changed = set(text, key("max_peers"), &words(&["12"]));
        assert_eq!(changed, text.replace("= 9 #", "= 12 #"));
        let changed = set(&changed, key("listen"), &words(&["/ip4/127.0.0.1/tcp/2,/ip4/127.0.0.1/tcp/3"]));
        assert!(changed.contains("listen = [\"/ip4/127.0.0.1/tcp/2\", \"/ip4/127.0.0.1/tcp/3\"]\nregion"), "{changed}");
        assert!(!changed.contains("# here") && changed.contains("# few"), "{changed}");
        assert_eq!(unset(&changed, "listen").unwrap(), "# mine\nmax_peers = 12 # few\nregion = \"x\"");
        assert_eq!(unset(text, "challenge"), None);
    }

    #[test]
    fn what_was_not_set_stands_below_the_line_that_explains_it_or_at_the_end() {
        let changed = set(TEMPLATE, key("challenge"), &words(&["false"]));
        let lines: Vec<&str> = changed.lines().collect();
        let at = lines.iter().position(|line| *line == "challenge = false").unwrap();
        assert!(lines[at - 1].starts_with("# challenge = "), "{changed}");
        assert_eq!(lines.len(), TEMPLATE.lines().count() + 1);
        let quoted = set("# a\n\n", key("region"), &words(&["eu \"1\""]));
        let read: toml::Table = toml::from_str(&quoted).unwrap();
        assert!(quoted.starts_with("# a\nregion = ") && read["region"].as_str() == Some("eu \"1\""), "{quoted}");
        assert_eq!(set("", key("max_peers"), &words(&["many"])), "max_peers = \"many\"\n");
    }

    /// Whatever is set can be read again, and taken out again.
    #[test]
    fn every_key_can_be_set_in_the_template_and_taken_out() {
        for known in KEYS {
            let changed = set(TEMPLATE, &known, &words(&["7"]));
            assert!(place(&changed, known.name).is_some(), "{}: {changed}", known.name);
            assert_eq!(unset(&changed, known.name).as_deref(), Some(TEMPLATE), "{}", known.name);
        }
    }
}
