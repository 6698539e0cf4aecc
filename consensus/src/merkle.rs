//! The Merkle tree of a batch. Adjacent nodes are paired left to right, the odd last node of a layer is promoted as it
//! is, a parent is the hash of the smaller child followed by the larger one, so OpenZeppelin's `MerkleProof` accepts
//! the proofs. Leaves are hashed twice ([`crate::report::Report::leaf`]).

use alloy_primitives::{B256, keccak256};

/// Root of one or more leaves; the zero word for none (never signed: an empty batch does not exist).
pub fn root(leaves: &[B256]) -> B256 {
    let mut layer = leaves.to_vec();
    while layer.len() > 1 {
        layer = parents(&layer);
    }
    layer.first().copied().unwrap_or_default()
}

/// Siblings from the leaf at `position` up to the root; `None` if there is no such leaf.
pub fn proof(leaves: &[B256], position: usize) -> Option<Vec<B256>> {
    if position >= leaves.len() {
        return None;
    }
    let mut layer = leaves.to_vec();
    let mut position = position;
    let mut siblings = Vec::new();
    while layer.len() > 1 {
        if let Some(sibling) = layer.get(position ^ 1) {
            siblings.push(*sibling);
        }
        layer = parents(&layer);
        position /= 2;
    }
    Some(siblings)
}

/// Whether `proof` leads from `leaf` to `root`.
pub fn verify(leaf: B256, proof: &[B256], root: B256) -> bool {
    proof.iter().fold(leaf, |node, &sibling| parent(node, sibling)) == root
}

fn parents(layer: &[B256]) -> Vec<B256> {
    layer.chunks(2).map(|pair| if let [left, right] = pair { parent(*left, *right) } else { pair[0] }).collect()
}

/// The node above two others, whichever way round they stand.
pub fn parent(a: B256, b: B256) -> B256 {
    let (low, high) = if a <= b { (a, b) } else { (b, a) };
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(low.as_slice());
    bytes[32..].copy_from_slice(high.as_slice());
    keccak256(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_leaf_of_every_size_has_a_proof() {
        for size in 1..=40u8 {
            let leaves: Vec<B256> = (0..size).map(|i| keccak256([i])).collect();
            let root = root(&leaves);
            for (position, &leaf) in leaves.iter().enumerate() {
                let proof = proof(&leaves, position).unwrap();
                assert!(verify(leaf, &proof, root), "{position} of {size}");
                assert!(!verify(keccak256([200]), &proof, root));
            }
            assert!(proof(&leaves, leaves.len()).is_none());
        }
    }

    #[test]
    fn one_leaf_is_its_own_root_and_order_matters() {
        let leaves: Vec<B256> = (0..3u8).map(|i| keccak256([i])).collect();
        assert_eq!(root(&leaves[..1]), leaves[0]);
        assert_ne!(root(&leaves), root(&[leaves[0], leaves[2], leaves[1]]));
        assert_eq!(root(&[]), B256::ZERO);
    }
}
