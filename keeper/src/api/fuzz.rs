//! Who asks the API, for fuzz targets (`tests/fuzz`).

use std::net::IpAddr;

use super::guard::names_no_domain;

/// A Host header: no name of a stranger's passes.
pub fn host_header(bytes: &[u8]) {
    let Ok(host) = std::str::from_utf8(bytes) else { return };
    if names_no_domain(host) {
        let bare = host.trim_start_matches('[');
        let name = bare.split(']').next().unwrap_or_default();
        let without_port = name.rsplit_once(':').map_or(name, |(before, _)| before);
        let is_number = [name, without_port].iter().any(|name| name.parse::<IpAddr>().is_ok());
        assert!(is_number || without_port.eq_ignore_ascii_case("localhost"), "{host} is a name");
    }
}

/// Hosts of this machine, and of strangers.
#[must_use]
pub fn host_header_seeds() -> Vec<Vec<u8>> {
    ["127.0.0.1:7420", "localhost", "[::1]:7420", "keeper.example:7420", "127.0.0.1.example"]
        .map(|text| text.as_bytes().to_vec())
        .to_vec()
}
