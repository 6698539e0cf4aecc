//! Text files in whatever encoding an editor left them.

/// The text of a file: UTF-8 with or without a byte-order mark, or UTF-16 with one, as some editors and shells write it.
///
/// # Errors
/// Words for what it is not.
pub fn decode(bytes: &[u8]) -> Result<String, &'static str> {
    let units = |bytes: &[u8], unit: fn([u8; 2]) -> u16| -> Result<String, &'static str> {
        if !bytes.len().is_multiple_of(2) {
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
}
