//! Text from elsewhere: files in whatever encoding an editor left them, and words of chain and peers on their way to a
//! terminal.

use std::fmt::Write;

pub use contracts::text::decode;

/// Somebody else's words on one line of a terminal: what would start a new line, move the cursor, change colours, or turn
/// the direction of writing is spelt out instead.
#[must_use]
pub fn shown(words: &str) -> String {
    let mut text = String::with_capacity(words.len());
    for letter in words.chars() {
        if is_harmful(letter) {
            let _ = write!(text, "{}", letter.escape_default());
        } else {
            text.push(letter);
        }
    }
    text
}

/// Whether a character does something else than to be seen.
#[must_use]
pub fn is_harmful(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// JSON text with everything harmful in its strings as `\u` escapes, which JSON demands for a part of that only. The text is on
/// one line, so that nothing harmful stands outside strings.
#[must_use]
pub fn escaped(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for letter in json.chars() {
        if is_harmful(letter) {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                safe.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            safe.push(letter);
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_others_stay_on_their_line_and_as_they_are() {
        assert_eq!(shown("https://a.example/ü?x=1"), "https://a.example/ü?x=1");
        let forged = "x\nstatus  active\r\u{1b}[2J\u{9b}31m\u{202e}\u{2028}\u{200b}\t\0";
        let text = shown(forged);
        assert!(!text.chars().any(is_harmful), "{text:?}");
        assert_eq!(text, "x\\nstatus  active\\r\\u{1b}[2J\\u{9b}31m\\u{202e}\\u{2028}\\u{200b}\\t\\u{0}");
    }

    #[test]
    fn json_says_the_same_without_anything_that_a_terminal_acts_on() {
        let words = serde_json::json!({"of \u{9b}2J": "\u{202e}\u{7f}\u{e0041}\n\"ü😀"});
        let text = escaped(&words.to_string());
        assert!(!text.chars().any(is_harmful) && text.contains("ü😀"), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), words);
    }
}
