//! What a quorum would sign together of a batch on whose root none agrees (rule 9).

use std::collections::BTreeMap;

use super::Count;
use crate::batch::basis::Basis;
use crate::committee::SignerSet;
use crate::message::Finding;
use crate::task::Task;

impl Count {
    /// The tasks that one quorum reports on alike, largest support first, as long as the same keepers carry them all.
    pub(crate) fn agreed(&self, basis: &Basis) -> Vec<Task> {
        let mut supports: Vec<(usize, SignerSet)> = (0..basis.tasks.len())
            .filter_map(|position| Some((position, self.largest_support(position, basis)?)))
            .collect();
        supports.sort_by_key(|(position, signers)| (std::cmp::Reverse(basis.stake_of(signers)), *position));
        let mut carriers: Option<SignerSet> = None;
        let mut agreed = Vec::new();
        for (position, signers) in supports {
            let common: SignerSet = match &carriers {
                None => signers,
                Some(carriers) => signers.iter().filter(|&index| carriers.contains(index)).collect(),
            };
            if basis.is_quorum(basis.stake_of(&common)) {
                carriers = Some(common);
                agreed.push(position);
            }
        }
        agreed.sort_unstable();
        agreed.into_iter().map(|position| basis.tasks[position]).collect()
    }

    fn largest_support(&self, position: usize, basis: &Basis) -> Option<SignerSet> {
        let mut supports: BTreeMap<&Finding, SignerSet> = BTreeMap::new();
        for (&signer, heard) in &self.heard {
            let finding = heard.findings.get(position).filter(|finding| !finding.abstains());
            if let Some(finding) = finding {
                supports.entry(finding).or_default().insert(signer);
            }
        }
        supports.into_values().max_by_key(|signers| basis.stake_of(signers))
    }
}
