//! What the first keeper's page shows of the others: the tour goes on when it is seen there, and not before.

use std::time::Duration;

use alloy::primitives::Address;
use anyhow::{Result, bail};
use serde::Deserialize;

use super::super::Swarm;
use super::super::run::state;

/// A connection that is cut without a word is noticed by a ping that is not answered, after 15 s at the most.
const PATIENCE: Duration = Duration::from_secs(45);

/// The part of `GET /api/v1/network` that matters here.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Network {
    members: Vec<Row>,
}

/// A row of the committee.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Row {
    operator: Address,
    connected: bool,
}

impl Network {
    /// Whether all of these are shown, as connected or as gone: in no row that is connected.
    fn shows(&self, who: &[Address], connected: bool) -> bool {
        let is_here = |operator: &Address| self.members.iter().any(|row| row.operator == *operator && row.connected);
        !self.members.is_empty() && who.iter().all(|operator| is_here(operator) == connected)
    }
}

impl Swarm {
    /// Whether the first keeper's page shows all of these as connected, or as gone.
    pub(super) async fn shows(&self, who: &[Address], connected: bool) -> bool {
        let Some(first) = self.keepers.first() else { return false };
        let asked = first.get::<Network>("/api/v1/network").await;
        asked.is_ok_and(|network| network.shows(who, connected))
    }

    /// Waits until it does.
    ///
    /// # Errors
    /// When it does not in time.
    pub(in crate::swarm) async fn until_shown(&mut self, who: &[Address], connected: bool) -> Result<()> {
        let begun = tokio::time::Instant::now();
        while !self.shows(who, connected).await {
            if begun.elapsed() > PATIENCE {
                let (names, what) = (self.names(who), if connected { "connected" } else { "gone" });
                let seconds = PATIENCE.as_secs();
                bail!("the page does not show {names} as {what} after {seconds} s\n{}", state(self).await);
            }
            self.next_block().await;
        }
        Ok(())
    }

    fn names(&self, who: &[Address]) -> String {
        let named: Vec<String> = who.iter().map(|operator| self.named(*operator)).collect();
        named.join(" and ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_them_are_shown_and_as_they_should_be() {
        let row = |byte, connected| Row { operator: Address::repeat_byte(byte), connected };
        let network = Network { members: vec![row(1, true), row(2, false), row(3, false)] };
        let of = |bytes: &[u8], connected| {
            let who: Vec<Address> = bytes.iter().copied().map(Address::repeat_byte).collect();
            network.shows(&who, connected)
        };
        assert!(of(&[2, 3], false) && of(&[1], true));
        assert!(!of(&[1, 2], false) && !of(&[1, 2], true));
        assert!(of(&[4], false), "one that is no member any more is gone");
        assert!(!Network::default().shows(&[Address::ZERO], false), "a page that knows of nobody shows nothing");
    }
}
