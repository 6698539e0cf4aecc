use std::collections::VecDeque;
use std::io;

use super::*;

const OPERATOR: Address = Address::repeat_byte(0x11);

/// Types what it was told to, and remembers what it was shown.
#[derive(Default)]
struct Script {
    types: VecDeque<String>,
    shown: Vec<String>,
}

impl Terminal for Script {
    fn say(&mut self, text: &str) {
        self.shown.push(text.to_owned());
    }

    fn ask(&mut self, question: &str) -> io::Result<Option<String>> {
        self.shown.push(question.to_owned());
        Ok(self.types.pop_front())
    }
}

/// A data directory and a chain that are no more than what is asked about.
#[derive(Default)]
struct Stage {
    network: Option<PathBuf>,
    has_keys: bool,
    is_registered: bool,
    /// Looks until the coin is there.
    poor_for: u32,
    is_away: bool,
    done: Vec<&'static str>,
}

impl Ground for Stage {
    fn network(&self) -> Result<Option<PathBuf>> {
        Ok(self.network.clone())
    }

    fn name_network(&mut self, file: &Path) -> Result<()> {
        self.network = Some(file.to_owned());
        self.done.push("network");
        Ok(())
    }

    fn operator(&self) -> Result<Option<Address>> {
        Ok(self.has_keys.then_some(OPERATOR))
    }

    fn make_keys(&mut self) -> Result<Address> {
        self.has_keys = true;
        self.done.push("keys");
        Ok(OPERATOR)
    }

    async fn standing(&mut self, _: Address) -> Standing {
        match (self.is_away, self.is_registered, self.poor_for) {
            (true, ..) => Standing::Unknown("no answer".to_owned()),
            (_, true, _) => Standing::Registered,
            (_, _, 0) => Standing::Able,
            _ => Standing::Poor { has: U256::ZERO, needs: U256::from(10u64.pow(16)) },
        }
    }

    async fn pause(&mut self) {
        self.poor_for -= 1;
        self.done.push("pause");
    }

    async fn register(&mut self) -> Result<u16> {
        self.is_registered = true;
        self.done.push("register");
        Ok(7)
    }
}

/// Walks with these words typed; how it ended, and what was shown.
async fn typed(stage: &mut Stage, types: &[&str]) -> (Result<()>, String) {
    let mut script = Script { types: types.iter().map(|word| (*word).to_owned()).collect(), shown: Vec::new() };
    let ended = walk(&mut script, stage).await;
    assert!(script.types.is_empty(), "nobody asked for {:?}", script.types);
    (ended, script.shown.join("\n"))
}

/// A network file that can be read.
fn network_file() -> (tempfile::TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("network.toml");
    let one = Address::repeat_byte(1);
    let contracts = contracts::network::Contracts {
        keeper_registry: one,
        job_manager: one,
        task_manager: one,
        service_manager: one,
        challenger: one,
        allocation_manager: one,
        strategy: one,
    };
    let network = Network {
        chain_id: 31337,
        rpc_urls: vec!["http://127.0.0.1:1".to_owned()],
        deploy_block: 1,
        bootnodes: Vec::new(),
        confirmations: 0,
        block_seconds: 1,
        block_milliseconds: None,
        epoch_seconds: 10,
        contracts,
    };
    network.save(&file).unwrap();
    (directory, file.display().to_string())
}

#[tokio::test]
async fn a_newcomer_is_led_from_nothing_to_a_registration() {
    let (_directory, file) = network_file();
    let mut stage = Stage { poor_for: 2, ..Stage::default() };
    let (ended, shown) = typed(&mut stage, &["", "/nowhere/network.toml", &file, "", "yes"]).await;
    ended.unwrap();
    assert_eq!(stage.done, ["network", "keys", "pause", "pause", "register"]);
    for part in ["/nowhere/network.toml", "Make them now?", "0.01 ether", "Ctrl-C", "index 7", "keeper backup create"] {
        assert!(shown.contains(part), "no {part:?} in\n{shown}");
    }
    assert_eq!(shown.matches("send it some coin").count(), 1, "told once:\n{shown}");
}

#[tokio::test]
async fn what_is_there_is_not_asked_about() {
    let network = Some(PathBuf::from("/n.toml"));
    let mut stage = Stage { network: network.clone(), has_keys: true, is_registered: true, ..Stage::default() };
    let (ended, shown) = typed(&mut stage, &[]).await;
    ended.unwrap();
    assert_eq!((stage.done.len(), shown.as_str()), (0, ""));
    let mut stage = Stage { network, has_keys: true, ..Stage::default() };
    typed(&mut stage, &["y"]).await.0.unwrap();
    assert_eq!(stage.done, ["register"], "it goes on where it was left");
}

#[tokio::test]
async fn whoever_says_no_or_leaves_has_done_nothing() {
    for types in [&["n"][..], &["perhaps"], &[]] {
        let mut stage = Stage { network: Some("/n.toml".into()), ..Stage::default() };
        let (ended, _) = typed(&mut stage, types).await;
        let error = ended.unwrap_err();
        assert!(error.to_string().contains("goes on from here"), "{error}");
        assert!(stage.done.is_empty());
    }
    let (ended, _) = typed(&mut Stage::default(), &[]).await;
    assert_eq!(Exit::of(&ended.unwrap_err()), Exit::Usage);
}

#[tokio::test]
async fn a_chain_that_is_away_holds_nobody_up() {
    let mut stage = Stage { network: Some("/n.toml".into()), has_keys: true, is_away: true, ..Stage::default() };
    let (ended, shown) = typed(&mut stage, &[]).await;
    ended.unwrap();
    assert!(shown.contains("no answer") && stage.done.is_empty(), "{shown}");
}
