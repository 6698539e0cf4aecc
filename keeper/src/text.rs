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
}
