//! A request to the web and its answer, as the cell and its keeper hand them to each other.

use crate::wire::{Cursor, Malformed, put_bytes};

/// Longest URL, in bytes.
const MAX_URL_BYTES: usize = 2048;
/// Most headers of a request or a response, and the bytes of all of them.
const MAX_HEADERS: usize = 64;
const MAX_HEADER_BYTES: usize = 16 << 10;
/// Longest body of a request, in bytes.
const MAX_SENT_BYTES: usize = 16 << 10;
/// Longest request in a frame.
pub(crate) const MAX_REQUEST_BYTES: usize = MAX_SENT_BYTES + MAX_HEADER_BYTES + MAX_URL_BYTES + 1024;
/// Longest body of a response, in bytes.
pub const MAX_BODY_BYTES: usize = 128 << 10;
/// Longest reason, in bytes.
const MAX_REASON: usize = 256;

/// A request of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebRequest {
    /// `GET` or `POST`.
    pub method: String,
    /// Where to.
    pub url: String,
    /// Name and value of each.
    pub headers: Vec<(String, String)>,
    /// What is sent.
    pub body: Vec<u8>,
}

/// What a server said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebResponse {
    /// HTTP status.
    pub status: u16,
    /// Name and value of each; values that are no text are left out.
    pub headers: Vec<(String, String)>,
    /// As it came.
    pub body: Vec<u8>,
}

/// What came of a request. No two keepers need have the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebAnswer {
    /// The server's.
    Response(WebResponse),
    /// It was not sent.
    Denied(String),
    /// It took too long.
    Timeout,
    /// The response was longer than [`MAX_BODY_BYTES`], or its headers were.
    TooLarge,
    /// There was no response.
    Failed(String),
}

impl WebRequest {
    /// The bytes in a frame.
    ///
    /// # Errors
    /// Over which cap it is.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, &'static str> {
        if !matches!(self.method.as_str(), "GET" | "POST") {
            return Err("the method is neither GET nor POST");
        }
        if self.url.len() > MAX_URL_BYTES {
            return Err("the URL is longer than 2048 bytes");
        }
        if self.headers.len() > MAX_HEADERS || length(&self.headers) > MAX_HEADER_BYTES {
            return Err("more than 64 headers, or more than 16384 bytes of them");
        }
        if self.body.len() > MAX_SENT_BYTES {
            return Err("the body is longer than 16384 bytes");
        }
        let mut to = Vec::new();
        put_bytes(&mut to, self.method.as_bytes());
        put_bytes(&mut to, self.url.as_bytes());
        put_headers(&mut to, &self.headers);
        put_bytes(&mut to, &self.body);
        Ok(to)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut from = Cursor::new(bytes);
        let (method, url) = (from.text(4)?, from.text(MAX_URL_BYTES)?);
        let (headers, body) = (headers(&mut from)?, from.bytes(MAX_SENT_BYTES)?);
        from.end()?;
        let request = Self { method, url, headers, body };
        request.encode().map(|_| request).map_err(Malformed)
    }
}

impl WebAnswer {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut to = Vec::new();
        let (tag, why) = match self {
            Self::Response(WebResponse { status, headers, body }) => {
                to.push(0);
                to.extend(status.to_le_bytes());
                put_headers(&mut to, headers);
                put_bytes(&mut to, body);
                return to;
            }
            Self::Denied(why) => (1, why.as_str()),
            Self::Timeout => (2, ""),
            Self::TooLarge => (3, ""),
            Self::Failed(why) => (4, why.as_str()),
        };
        to.push(tag);
        put_bytes(&mut to, &why.as_bytes()[..why.floor_char_boundary(MAX_REASON)]);
        to
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut from = Cursor::new(bytes);
        let answer = match from.u8()? {
            0 => {
                let status = u16::from_le_bytes(from.array()?);
                let headers = headers(&mut from)?;
                Self::Response(WebResponse { status, headers, body: from.bytes(MAX_BODY_BYTES)? })
            }
            1 => Self::Denied(from.text(MAX_REASON)?),
            2 => from.bytes(0).map(|_| Self::Timeout)?,
            3 => from.bytes(0).map(|_| Self::TooLarge)?,
            4 => Self::Failed(from.text(MAX_REASON)?),
            _ => return Err(Malformed("an answer of a kind that is not known")),
        };
        from.end()?;
        Ok(answer)
    }

    /// The same, if a frame takes it; else that it is too large.
    pub(crate) fn within_caps(self) -> Self {
        match &self {
            Self::Response(WebResponse { headers, body, .. })
                if headers.len() > MAX_HEADERS || length(headers) > MAX_HEADER_BYTES || body.len() > MAX_BODY_BYTES =>
            {
                Self::TooLarge
            }
            _ => self,
        }
    }
}

fn length(headers: &[(String, String)]) -> usize {
    headers.iter().map(|(name, value)| name.len() + value.len()).sum()
}

fn put_headers(to: &mut Vec<u8>, headers: &[(String, String)]) {
    to.push(u8::try_from(headers.len()).expect("at most 64"));
    for (name, value) in headers {
        put_bytes(to, name.as_bytes());
        put_bytes(to, value.as_bytes());
    }
}

fn headers(from: &mut Cursor<'_>) -> Result<Vec<(String, String)>, Malformed> {
    let count = usize::from(from.u8()?);
    let mut left = MAX_HEADER_BYTES;
    let mut headers = Vec::new();
    for _ in 0..count {
        let (name, value) = (from.text(left)?, from.text(left)?);
        left = left.checked_sub(name.len() + value.len()).ok_or(Malformed("headers longer than they may be"))?;
        headers.push((name, value));
    }
    match count > MAX_HEADERS {
        true => Err(Malformed("more headers than there may be")),
        false => Ok(headers),
    }
}
