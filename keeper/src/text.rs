//! Text from elsewhere: files in whatever encoding an editor left them, and words of chain and peers on their way to a
//! terminal.

use std::fmt::Write;

/// The text of a file: UTF-8 with or without a byte-order mark, or UTF-16 with one, as some editors and shells write it.
///
/// # Errors
/// Words for what it is not.
pub fn decode(bytes: &[u8]) -> Result<String, &'static str> {
    let units = |bytes: &[u8], unit: fn([u8; 2]) -> u16| -> Result<String, &'static str> {
        if bytes.len() % 2 != 0 {
            return Err("it is UTF-16 that ends in half a character");
        }
        let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
        char::decode_utf16(units).collect::<Result<String, _>>().map_err(|_| "it is not valid UTF-16")
    };
    match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest),
        [0xff, 0xfe, rest @ ..] => units(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => units(rest, u16::from_be_bytes),
        _ => utf8(bytes),
    }
}

fn utf8(bytes: &[u8]) -> Result<String, &'static str> {
    let text = std::str::from_utf8(bytes);
    text.map(str::to_owned).map_err(|_| "it is not text: save it as UTF-8")
}

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
    fn every_way_an_editor_saves_text_is_read() {
        let units = |unit: fn(u16) -> [u8; 2]| "\u{feff}pass wörd\n".encode_utf16().flat_map(unit).collect::<Vec<u8>>();
        let files = [
            "pass wörd\n".as_bytes().to_vec(),
            "\u{feff}pass wörd\n".as_bytes().to_vec(),
            units(u16::to_le_bytes),
            units(u16::to_be_bytes),
        ];
        for file in files {
            assert_eq!(decode(&file).as_deref(), Ok("pass wörd\n"), "{file:?}");
        }
        for (file, words) in [
            (&[0xff, 0xfe, 0x41][..], "half a character"),
            (&[0xff, 0xfe, 0x00, 0xd8], "not valid UTF-16"),
            (&[0x80, 0x81], "UTF-8"),
        ] {
            assert!(decode(file).is_err_and(|why| why.contains(words)));
        }
    }

    #[test]
    fn words_of_others_stay_on_their_line_and_as_they_are() {
        assert_eq!(shown("https://a.example/ü?x=1"), "https://a.example/ü?x=1");
        let forged = "x\nstatus  active\r\u{1b}[2J\u{9b}31m\u{202e}\u{2028}\u{200b}\t\0";
        let text = shown(forged);
        assert!(!text.chars().any(is_harmful), "{text:?}");
        assert_eq!(text, "x\\nstatus  active\\r\\u{1b}[2J\\u{9b}31m\\u{202e}\\u{2028}\\u{200b}\\t\\u{0}");
    }
}
