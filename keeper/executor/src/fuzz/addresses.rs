//! Addresses that code and jobs name, and what nodes answer to calls that fail.

use super::*;

/// A URL that a stranger wrote on chain: what is let through leads to no private address, in whatever spelling.
pub fn code_url(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(url) = fetch::allowed(text, false) else { return };
    assert!(url.scheme() == "https" && url.port().is_none() && url.username().is_empty(), "{url}");
    // Looked at once more, by the standard library's words for what is not the public internet.
    match url.host() {
        Some(Host::Ipv4(address)) => assert!(is_outside(address), "{url}"),
        Some(Host::Ipv6(address)) => assert!(is_outside_v6(address), "{url}"),
        Some(Host::Domain(name)) => assert!(name.parse::<Ipv4Addr>().is_err() && !name.is_empty(), "{url}"),
        None => panic!("{url} names no host"),
    }
    assert_eq!(fetch::allowed(url.as_str(), false).as_ref(), Ok(&url), "it is the same when it is read again");
    let _ = fetch::is_far(text);
}

fn is_outside(address: Ipv4Addr) -> bool {
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_unspecified()
        || address.is_broadcast()
        || address.is_multicast()
        || address.is_documentation())
}

fn is_outside_v6(address: Ipv6Addr) -> bool {
    let is_inside = address.is_loopback()
        || address.is_unspecified()
        || address.is_multicast()
        || address.is_unicast_link_local()
        || address.is_unique_local();
    !is_inside && address.to_ipv4_mapped().is_none_or(is_outside)
}

/// Spellings of public and private places.
#[must_use]
pub fn code_url_seeds() -> Vec<Vec<u8>> {
    [
        "https://example.org/job.wasm",
        "https://8.8.8.8/x",
        "https://[2606:4700::1111]/x",
        "https://127.0.0.1/",
        "https://0x7f.1/",
        "https://017700000001/",
        "https://2130706433/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::a00:1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://user:pass@example.org/",
        "https://example.org:444/",
        "http://example.org/",
        "https:\\\\127.1\\x",
        "https://\u{ff11}\u{ff12}\u{ff17}.0.0.1/",
        "ipfs://bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi/x",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

/// `data:application/wasm;base64,...`
pub fn data_url(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(code) = fetch::from_data_url(text) {
        assert!(code.len() <= MAX_CODE_BYTES + 2, "a component within its limit");
    }
}

/// Such a URL.
#[must_use]
pub fn data_url_seeds() -> Vec<Vec<u8>> {
    ["data:application/wasm;base64,AGFzbQ0AAQA=", "DATA:;BASE64,", "data:,x"]
        .map(|text| text.as_bytes().to_vec())
        .to_vec()
}

/// Hosts of a job's list, one a line; the last line is a URL that the job asks.
pub fn web_host(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (hosts, url) = text.rsplit_once('\n').unwrap_or((text, ""));
    let hosts: Vec<String> = hosts.split('\n').map(str::to_owned).collect();
    let Ok(list) = AllowList::new(hosts.clone()) else { return };
    for host in &hosts {
        let own = Url::parse(&format!("https://{host}/")).expect("what is taken for a host is one");
        assert!(own.path() == "/" && own.host_str().is_some_and(|name| host.starts_with(name)), "{host}");
    }
    if let Ok(url) = list.check(url, false) {
        assert!(url.host_str().is_some_and(|name| hosts.iter().any(|host| host == name)), "{url} is on no list");
    }
}

/// Lists with URLs that are on them, and that are not.
#[must_use]
pub fn web_host_seeds() -> Vec<Vec<u8>> {
    [
        "api.example.com\nhttps://api.example.com/v1",
        "api.example.com\nother.example:8443\nhttps://other.example:8443/",
        "example.org\nhttps://example.org.evil.example/",
        "[2606:4700::1111]\nhttps://[2606:4700:0::1111]/",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

/// The value of a header that a job asks for, and what a server answers: a secret goes out, and does not come back.
pub fn secret_marks(bytes: &[u8]) {
    let place = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let (value, echoed) = (&bytes[..place], bytes.get(place + 1..).unwrap_or_default());
    let Ok(value) = std::str::from_utf8(value) else { return };
    let request = WebRequest { headers: vec![("x".to_owned(), value.to_owned())], ..request() };
    outside::secret_marks(&request, echoed);
}

/// Values with marks, whole and broken.
#[must_use]
pub fn secret_marks_seeds() -> Vec<Vec<u8>> {
    [
        "Bearer {{secret:KEY}}\0you sent s3cr3t",
        "{{secret:KEY}}{{secret:KEY}}\0s3cr3ts3cr3t",
        "{{secret:OTHER}}",
        "{{secret:",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

/// What a node says of a call that failed: its code (two bytes), and its words.
pub fn failed_call(bytes: &[u8]) {
    let Some((code, words)) = bytes.split_first_chunk::<2>() else { return };
    let message = String::from_utf8_lossy(words).into_owned().into();
    let error = ErrorPayload { code: i64::from(i16::from_be_bytes(*code)), message, data: None };
    let _ = is_failed_call(&error);
}

/// Words of some clients.
#[must_use]
pub fn failed_call_seeds() -> Vec<Vec<u8>> {
    [
        (3_i16, "execution reverted: why"),
        (-32_000, "out of gas"),
        (-32_603, "EVM error: OpcodeNotFound"),
        (-32_015, "VM"),
    ]
    .map(|(code, words)| [&code.to_be_bytes()[..], words.as_bytes()].concat())
    .to_vec()
}
