use std::fs;
use std::path::Path;
use std::time::Duration;

use clap::Parser;
use p2p::{Multiaddr, parse_bootnode};
use tokio_util::sync::CancellationToken;

use super::{Book, Options, exit_code, run};
use crate::wait::until;

#[derive(Debug, Parser)]
struct Cli {
    #[command(flatten)]
    options: Options,
}

fn options(arguments: &[&str]) -> Result<Options, clap::Error> {
    Cli::try_parse_from(std::iter::once(&"bootnode").chain(arguments)).map(|cli| cli.options)
}

fn local(folder: &Path) -> Options {
    let mut options = options(&["--domain", "0011223344556677", "--listen", "/ip4/127.0.0.1/tcp/0"]).unwrap();
    options.identity_file = folder.join("bootnode.key");
    options.out = Some(folder.join("addresses"));
    options
}

/// Starts a bootnode, waits for its address, stops it.
async fn address_of(options: Options) -> Multiaddr {
    let shutdown = CancellationToken::new();
    let out = options.out.clone().unwrap();
    let _ = fs::remove_file(&out);
    let served = tokio::spawn(run(options, std::io::sink(), shutdown.clone()));
    let text = until("the address file", Duration::from_secs(10), || {
        let text = fs::read_to_string(&out).map_err(|error| error.to_string());
        async move { text }
    })
    .await
    .unwrap();
    shutdown.cancel();
    served.await.unwrap().unwrap();
    parse_bootnode(text.lines().next().unwrap()).unwrap()
}

#[tokio::test]
async fn its_peer_id_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let peer = |address: Multiaddr| address.iter().last().unwrap().to_string();
    let first = peer(address_of(local(folder.path())).await);
    let second = peer(address_of(local(folder.path())).await);
    assert_eq!(first, second);
}

#[tokio::test]
async fn prints_every_address_as_json_on_demand() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = local(folder.path());
    options.json = true;
    let shutdown = CancellationToken::new();
    let (out, output) = (options.out.clone().unwrap(), folder.path().join("stdout"));
    let served = tokio::spawn(run(options, fs::File::create(&output).unwrap(), shutdown.clone()));
    until("the address file", Duration::from_secs(10), || {
        let there = out.exists();
        async move { there.then_some(()).ok_or_else(|| "not there".to_owned()) }
    })
    .await
    .unwrap();
    shutdown.cancel();
    served.await.unwrap().unwrap();
    let line: serde_json::Value = serde_json::from_str(fs::read_to_string(&output).unwrap().trim()).unwrap();
    assert!(parse_bootnode(line["multiaddr"].as_str().unwrap()).is_ok(), "{line}");
}

#[tokio::test]
async fn says_what_is_wrong() {
    let missing = options(&[]).unwrap_err().to_string();
    assert!(missing.contains("--network"), "{missing}");
    let malformed = options(&["--domain", "00", "--listen", "127.0.0.1:7419"]).unwrap_err().to_string();
    assert!(malformed.contains("127.0.0.1:7419"), "{malformed}");
    let folder = tempfile::tempdir().unwrap();
    for (domain, named) in [("short", "short"), ("zz11223344556677", "zz11223344556677")] {
        let mut options = local(folder.path());
        options.domain = Some(domain.to_owned());
        let refused = run(options, std::io::sink(), CancellationToken::new()).await.unwrap_err().to_string();
        assert!(refused.contains(named), "{refused}");
    }
    let mut network = local(folder.path());
    (network.domain, network.network) = (None, Some(folder.path().join("network.toml")));
    let refused = run(network, std::io::sink(), CancellationToken::new()).await.unwrap_err().to_string();
    assert!(refused.contains("network.toml"), "{refused}");
}

#[tokio::test]
async fn a_port_that_is_taken_is_exit_7_and_other_errors_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("/ip4/127.0.0.1/tcp/{}", holder.local_addr().unwrap().port());
    let mut taken = local(folder.path());
    taken.listen = vec![address.parse().unwrap()];
    let refused = run(taken, std::io::sink(), CancellationToken::new()).await.unwrap_err();
    assert!(refused.to_string().contains(&address), "{refused}");
    assert_eq!(exit_code(&refused), 7);
    let holder = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = format!("/ip4/127.0.0.1/udp/{}/quic-v1", holder.local_addr().unwrap().port());
    let mut taken = local(folder.path());
    taken.listen = vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap(), address.parse().unwrap()];
    let refused = run(taken, std::io::sink(), CancellationToken::new()).await.unwrap_err();
    assert!(refused.to_string().contains(&address), "{refused}");
    assert_eq!(exit_code(&refused), 7, "as over TCP");
    let mut short = local(folder.path());
    short.domain = Some("short".to_owned());
    let refused = run(short, std::io::sink(), CancellationToken::new()).await.unwrap_err();
    assert_eq!(exit_code(&refused), 1);
}

/// What fails as a pipe does whose reader is gone, or a full disk.
struct Gone;

impl std::io::Write for Gone {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Err(std::io::ErrorKind::StorageFull.into())
    }
}

#[tokio::test]
async fn it_serves_though_nobody_reads_what_it_prints() {
    let folder = tempfile::tempdir().unwrap();
    let options = local(folder.path());
    let out = options.out.clone().unwrap();
    let shutdown = CancellationToken::new();
    let served = tokio::spawn(run(options, Gone, shutdown.clone()));
    // Printed before it is written: by now the printing has failed.
    until("the address file", Duration::from_secs(10), || {
        let there = out.exists();
        async move { there.then_some(()).ok_or_else(|| "not there".to_owned()) }
    })
    .await
    .unwrap();
    assert!(!served.is_finished());
    shutdown.cancel();
    served.await.unwrap().unwrap();
}

#[test]
fn the_file_has_the_addresses_that_are_there_now() {
    let folder = tempfile::tempdir().unwrap();
    let address = |port: u16| -> Multiaddr { format!("/ip4/127.0.0.1/tcp/{port}").parse().unwrap() };
    let (out, missing) = (folder.path().join("addresses"), folder.path().join("none/addresses"));
    fs::write(folder.path().join("addresses.tmp"), "theirs").unwrap();
    let mut book = Book { external: vec![address(1)], out: Some(missing), written: Vec::new() };
    book.show(&[address(2)]);
    assert!(book.written.is_empty(), "what could not be written is tried again");
    book.out = Some(out.clone());
    book.show(&[]);
    assert!(!out.exists(), "nobody is to read it before an address is there");
    for (listeners, wanted) in [(&[2, 3][..], vec![1, 2, 3]), (&[3], vec![1, 3]), (&[], vec![1])] {
        book.show(&listeners.iter().map(|port| address(*port)).collect::<Vec<_>>());
        let text: String = wanted.into_iter().map(|port| format!("{}\n", address(port))).collect();
        assert_eq!(fs::read_to_string(&out).unwrap(), text);
    }
    assert_eq!(fs::read(folder.path().join("addresses.tmp")).unwrap(), b"theirs");
}
