//! Reading and writing the fields of a frame.

use super::Malformed;

/// What is left of a body.
#[derive(Debug)]
pub(crate) struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Malformed("a frame that ends too early"))?;
        self.0 = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.take(N)?.try_into().map_err(|_| Malformed("a frame that ends too early"))
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Malformed> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    pub(crate) fn bytes(&mut self, cap: usize) -> Result<Vec<u8>, Malformed> {
        let length = self.u32()? as usize;
        if length > cap {
            return Err(Malformed("a field longer than it may be"));
        }
        Ok(self.take(length)?.to_vec())
    }

    pub(crate) fn text(&mut self, cap: usize) -> Result<String, Malformed> {
        String::from_utf8(self.bytes(cap)?).map_err(|_| Malformed("a text that is no UTF-8"))
    }

    /// Texts whose bytes, with `cost` for each, are within `cap` together.
    pub(crate) fn texts(&mut self, cap: usize, cost: usize) -> Result<Vec<String>, Malformed> {
        let count = self.u32()? as usize;
        if count > cap / cost {
            return Err(Malformed("more texts than there may be"));
        }
        let mut left = cap;
        let mut texts = Vec::new();
        for _ in 0..count {
            left = left.checked_sub(cost).ok_or(Malformed("texts longer than they may be"))?;
            let text = self.text(left)?;
            left -= text.len();
            texts.push(text);
        }
        Ok(texts)
    }

    /// Nothing may be left over.
    pub(crate) const fn end(self) -> Result<(), Malformed> {
        if self.0.is_empty() { Ok(()) } else { Err(Malformed("bytes after the end of a frame")) }
    }
}

pub(crate) fn put_bytes(to: &mut Vec<u8>, bytes: &[u8]) {
    to.extend(u32::try_from(bytes.len()).expect("a field is far below 4 GiB").to_le_bytes());
    to.extend_from_slice(bytes);
}

pub(crate) fn put_list(to: &mut Vec<u8>, texts: &[String]) {
    to.extend(u32::try_from(texts.len()).expect("logs are capped").to_le_bytes());
    texts.iter().for_each(|text| put_bytes(to, text.as_bytes()));
}
