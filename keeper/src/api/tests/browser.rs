//! What a browser is given, and kept from.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::support::{running, sample};
use super::*;
use crate::api::guard::names_no_domain;

fn web() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("web")
}

#[tokio::test]
async fn the_page_is_served_with_a_policy_that_lets_nothing_else_in() {
    let api = running(sample()).await;
    let host = format!("Host: {}", api.address);
    for name in ["/", "/main.js", "/style.css", "/api/v1/network", "/v1/status", "/nothing"] {
        let answer = raw(api.address, "GET", name, &[&host]).await;
        let head = answer.split_once("\r\n\r\n").unwrap().0.to_ascii_lowercase();
        for wanted in [
            "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'",
            "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
            "x-content-type-options: nosniff",
            "cross-origin-resource-policy: same-origin",
        ] {
            assert!(head.contains(wanted), "{name} lacks {wanted}: {head}");
        }
        assert!(!head.contains("access-control-allow-origin"), "{name} lets others read it");
        assert!(head.contains("cache-control: no-"), "{name} may be kept: {head}");
    }
    let page = raw(api.address, "GET", "/", &[&host]).await;
    assert!(page.contains("text/html; charset=utf-8") && page.contains("<title>Keeper Mesh</title>"));
    assert!(raw(api.address, "GET", "/vendor/noble.js", &[&host]).await.contains("text/javascript"));
}

#[tokio::test]
async fn a_file_that_is_the_same_still_is_not_sent_again() {
    let api = running(sample()).await;
    let host = format!("Host: {}", api.address);
    let first = raw(api.address, "GET", "/main.js", &[&host]).await.to_ascii_lowercase();
    let tag = first.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap().to_owned();
    let again = raw(api.address, "GET", "/main.js", &[&host, &format!("If-None-Match: {tag}")]).await;
    assert!(again.starts_with("HTTP/1.1 304"), "{again}");
    assert!(
        raw(api.address, "GET", "/main.js", &[&host, "If-None-Match: \"other\""]).await.starts_with("HTTP/1.1 200")
    );
}

#[test]
fn every_file_of_the_page_is_in_the_program() {
    let mut found = BTreeSet::new();
    let mut folders = vec![web()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            match entry.is_dir() {
                true => folders.push(entry),
                false => drop(found.insert(entry.strip_prefix(web()).unwrap().to_str().unwrap().to_owned())),
            }
        }
    }
    found.retain(|name| !name.ends_with(".txt"));
    let embedded: BTreeSet<String> = crate::api::page::names().into_iter().map(str::to_owned).collect();
    assert_eq!(embedded, found);
}

/// Text is never markup, and nothing is asked of anybody else.
#[test]
fn the_page_makes_no_markup_of_text_and_names_no_other_origin() {
    let own = crate::api::page::names().into_iter().filter(|name| !name.starts_with("vendor/"));
    for name in own {
        let text = fs::read_to_string(web().join(name)).unwrap();
        for banned in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            "srcdoc",
            "style=\"",
        ] {
            assert!(!text.contains(banned), "{name} has {banned}");
        }
        let addresses = text.match_indices("://").map(|(at, _)| &text[at.saturating_sub(5)..(at + 30).min(text.len())]);
        let foreign: Vec<&str> =
            addresses.filter(|around| !around.contains("w3.org") && !around.contains("://…")).collect();
        assert!(foreign.is_empty(), "{name} names {foreign:?}");
        assert!(text.lines().count() <= 350 || name == "openapi.json", "{name} is too long to be read in one go");
    }
}

#[tokio::test]
async fn what_is_not_from_here_reads_nothing() {
    let api = running(sample()).await;
    let host = format!("Host: {}", api.address);
    let own = format!("Origin: http://{}", api.address);
    let cases: [(&str, &str, &[&str], &str); 12] = [
        ("GET", "/v1/status", &["Host: evil.example:7420"], "403"),
        ("GET", "/", &["Host: 127.0.0.1.evil.example"], "403"),
        ("GET", "/v1/status", &["Host: localhost:1"], "200"),
        ("GET", "/api/v1/network", &[&host, &own], "200"),
        ("GET", "/api/v1/network", &[&host, "Origin: http://evil.example"], "403"),
        ("GET", "/api/v1/network", &[&host, "Origin: null"], "403"),
        ("GET", "/api/v1/network", &[&host, "Sec-Fetch-Site: cross-site"], "403"),
        ("GET", "/api/v1/network", &[&host, "Sec-Fetch-Site: same-site"], "403"),
        ("GET", "/api/v1/network", &[&host, "Sec-Fetch-Site: same-origin"], "200"),
        ("GET", "/", &[&host, "Sec-Fetch-Site: cross-site"], "200"),
        ("POST", "/api/v1/jobs", &[&host, "Content-Length: 0"], "405"),
        ("DELETE", "/", &[&host], "405"),
    ];
    for (method, path, lines, status) in cases {
        let answer = raw(api.address, method, path, lines).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{method} {path} {lines:?}: {answer}");
    }
}

#[test]
fn hosts_are_addresses_or_localhost() {
    for host in ["127.0.0.1", "127.0.0.1:7420", "[::1]:7420", "[::1]", "localhost", "LocalHost:80", "10.1.2.3:1"] {
        assert!(names_no_domain(host), "{host}");
    }
    for host in ["", "example.com", "example.com:80", "localhost.example", "[evil]:80", "127.0.0.1:1:1"] {
        assert!(!names_no_domain(host), "{host}");
    }
}
