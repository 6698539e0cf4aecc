//! What of a job's request and its answer only this part can reach, for [`crate::fuzz`].

use url::Url;

use super::message::{WebAnswer, WebRequest, WebResponse};
use super::secrets::{Secrets, fill, take_out};

/// The one secret that there is.
const SECRET: &str = "s3cr3t";

#[derive(Debug)]
struct One;

impl Secrets for One {
    fn secret(&self, name: &str, host: &str, _: u64) -> Option<String> {
        (name == "KEY" && host == "api.example.com").then(|| SECRET.to_owned())
    }
}

/// Fills in the secret where a mark stands for it, and takes it out of an answer that has it.
pub(crate) fn secret_marks(request: &WebRequest, echoed: &[u8]) {
    let url = Url::parse(&request.url).expect("a URL");
    let Ok((filled, used)) = fill(request, &url, 7, &One) else { return };
    let elsewhere = Url::parse("https://other.example/").expect("a URL");
    assert!(used.is_empty() || fill(request, &elsewhere, 7, &One).is_err(), "a secret is sent to its own host alone");
    let headers = filled.headers.clone();
    let answer = WebAnswer::Response(WebResponse { status: 200, headers, body: echoed.to_vec() });
    let WebAnswer::Response(shown) = take_out(answer, &used) else { return };
    if !used.is_empty() {
        let is_in = |bytes: &[u8]| bytes.windows(SECRET.len()).any(|part| part == SECRET.as_bytes());
        assert!(!is_in(&shown.body), "the secret is in the body");
        assert!(!shown.headers.iter().any(|(_, value)| is_in(value.as_bytes())), "the secret is in a header");
    }
}
