//! Random choices of tests that try random instants, repeatable by their seed.

use std::time::Duration;

use bootstrap::swarm::ledger::unix_ms;

/// Random numbers of one seed (SplitMix64; Steele, Lea, Flood 2014). `KEEPER_MESH_SEED` repeats a run's choices.
#[derive(Debug)]
pub struct Dice {
    /// What the choices follow from.
    pub seed: u64,
    state: u64,
}

impl Dice {
    /// With the seed of the variable, or a new one; prints it.
    #[must_use]
    pub fn new() -> Self {
        let given = std::env::var("KEEPER_MESH_SEED").ok().and_then(|text| text.parse().ok());
        let seed = given.unwrap_or_else(unix_ms);
        eprintln!("KEEPER_MESH_SEED={seed}");
        Self { seed, state: seed }
    }

    /// A number below `end`, which is not zero.
    pub fn below(&mut self, end: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    /// A place in a list of `length`, which is not zero.
    pub fn place(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or_default()
    }

    /// Waits until a random instant: nothing is waited for here, the instant itself is what is tried.
    pub async fn wait(&mut self, most_ms: u64) {
        tokio::time::sleep(Duration::from_millis(self.below(most_ms))).await;
    }
}

impl Default for Dice {
    fn default() -> Self {
        Self::new()
    }
}
