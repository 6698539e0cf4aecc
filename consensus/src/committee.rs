//! The operator set of an epoch, and what counts as enough of it.

use alloy_primitives::{Address, B256};

use crate::bls::{PublicKey, aggregate_keys, is_signed_by};

/// The smallest share of stake that may certify anything, in hundredths of a percent: more than two thirds.
///
/// With stake f < 1/3 hostile, two certificates on different reports would need 2 * 66.67 % - 100 % > 1/3 of the
/// stake to have signed both, so at least one of them would be a slashable equivocation by more than f.
pub const QUORUM_BPS: u16 = 6667;
/// The most operators one committee holds; indices fit 16 bits and bitmaps 32 bytes.
pub const MEMBERS_MAX: usize = 256;

/// Place of an operator in the committees of its network, and its bit in every signer bitmap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeeperIndex(pub u16);

/// A raw ed25519 public key: a keeper's identity in the mesh.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PeerKey(pub [u8; 32]);

impl PeerKey {
    /// Whether `signature` is this key's ed25519 signature of `hash`.
    pub fn has_signed(&self, hash: B256, signature: &[u8; 64]) -> bool {
        is_signed_by(hash, signature, &self.0)
    }
}

impl std::fmt::Debug for PeerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PeerKey({})", alloy_primitives::hex::encode(&self.0[..6]))
    }
}

/// One row of a committee. A row with stake zero only keeps the indices of the others in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The operator's account.
    pub operator: Address,
    /// Stake counted in this epoch, in the smallest unit of the staked token.
    pub stake: u128,
    /// The operator's mesh identity.
    pub peer_key: PeerKey,
    /// The key its partials verify under.
    pub key: PublicKey,
}

/// The operators of one epoch, by index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committee {
    epoch: u32,
    active_from: u64,
    table_root: B256,
    members: Vec<Member>,
    total_stake: u128,
}

/// Why rows are not a committee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitteeError {
    /// More than [`MEMBERS_MAX`] rows.
    #[error("a committee of {0} rows is over the limit of {MEMBERS_MAX}")]
    TooLarge(usize),
    /// No row has any stake, or the sum does not fit 96 bits.
    #[error("the stakes add up to nothing, or to more than the contract can hold")]
    Stake,
}

impl Committee {
    /// Puts together the committee of `epoch`, active for anchors from block `active_from` on.
    pub fn new(epoch: u32, active_from: u64, table_root: B256, members: Vec<Member>) -> Result<Self, CommitteeError> {
        if members.len() > MEMBERS_MAX {
            return Err(CommitteeError::TooLarge(members.len()));
        }
        let total = members.iter().try_fold(0u128, |sum, member| sum.checked_add(member.stake));
        match total {
            Some(total_stake) if total_stake > 0 && total_stake < 1 << 96 => {
                Ok(Self { epoch, active_from, table_root, members, total_stake })
            }
            _ => Err(CommitteeError::Stake),
        }
    }

    /// The epoch it belongs to.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// First block that can be an anchor under this committee.
    pub fn active_from(&self) -> u64 {
        self.active_from
    }

    /// Hash of the epoch's table on chain; a part of the leader seed.
    pub fn table_root(&self) -> B256 {
        self.table_root
    }

    /// Number of rows, those without stake included.
    pub fn size(&self) -> usize {
        self.members.len()
    }

    /// All rows, by index.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// Sum of all stakes.
    pub fn total_stake(&self) -> u128 {
        self.total_stake
    }

    /// The member at `index`, if it has stake.
    pub fn member(&self, index: KeeperIndex) -> Option<&Member> {
        self.members.get(usize::from(index.0)).filter(|member| member.stake > 0)
    }

    /// The index of a mesh identity, if it belongs to a member with stake.
    pub fn index_of(&self, peer: PeerKey) -> Option<KeeperIndex> {
        let place = self.members.iter().position(|member| member.peer_key == peer && member.stake > 0)?;
        u16::try_from(place).ok().map(KeeperIndex)
    }

    /// Whether `stake` is at least `quorum_bps` of the total; a job can ask for more than [`QUORUM_BPS`], not for less.
    pub fn is_quorum(&self, stake: u128, quorum_bps: u16) -> bool {
        // 96-bit stakes times 14-bit shares stay far below 128 bits.
        stake * 10_000 >= self.total_stake * u128::from(quorum_bps.max(QUORUM_BPS))
    }

    /// Stake of a set of signers; `None` if a bit names no member with stake.
    pub fn stake_of(&self, signers: &SignerSet) -> Option<u128> {
        signers.iter().try_fold(0, |sum, index| Some(sum + self.member(index)?.stake))
    }

    /// Sum of the keys of a set of signers; `None` for no signers, stray bits, or a sum at infinity.
    pub fn key_of(&self, signers: &SignerSet) -> Option<PublicKey> {
        let keys: Option<Vec<_>> = signers.iter().map(|index| Some(self.member(index)?.key)).collect();
        aggregate_keys(&keys?)
    }
}

/// A set of committee indices as a bitmap; bit i of byte i / 8, lowest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct SignerSet([u8; MEMBERS_MAX / 8]);

impl SignerSet {
    /// Adds an index; false if it was there already or is out of range.
    pub fn insert(&mut self, index: KeeperIndex) -> bool {
        let (byte, bit) = (usize::from(index.0) / 8, 1 << (index.0 % 8));
        match self.0.get_mut(byte) {
            Some(slot) if *slot & bit == 0 => {
                *slot |= bit;
                true
            }
            _ => false,
        }
    }

    /// Whether an index is in the set.
    pub fn contains(&self, index: KeeperIndex) -> bool {
        self.0.get(usize::from(index.0) / 8).is_some_and(|byte| byte & (1 << (index.0 % 8)) != 0)
    }

    /// The indices, ascending.
    pub fn iter(&self) -> impl Iterator<Item = KeeperIndex> + '_ {
        let bits = |(place, &byte): (u16, &u8)| {
            let set = (0..8).filter(move |bit| byte & (1 << bit) != 0);
            set.map(move |bit| KeeperIndex(place * 8 + bit))
        };
        // Most bytes of most sets are empty.
        (0u16..).zip(&self.0).filter(|(_, byte)| **byte != 0).flat_map(bits)
    }

    /// Whether no index is in the set.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|byte| *byte == 0)
    }

    /// How many indices are in the set.
    pub fn count(&self) -> usize {
        self.0.iter().map(|byte| byte.count_ones() as usize).sum()
    }

    /// The shortest bitmap that holds a committee of `size`: size / 8 bytes, rounded up.
    pub fn to_bytes(&self, size: usize) -> Vec<u8> {
        self.0[..size.div_ceil(8).min(self.0.len())].to_vec()
    }

    /// Reads the bitmap of a committee of `size`; `None` for a wrong length or a bit at or beyond `size`.
    pub fn from_bytes(bytes: &[u8], size: usize) -> Option<Self> {
        if bytes.len() != size.div_ceil(8) || bytes.len() > MEMBERS_MAX / 8 {
            return None;
        }
        let mut set = Self::default();
        set.0[..bytes.len()].copy_from_slice(bytes);
        set.iter().all(|index| usize::from(index.0) < size).then_some(set)
    }
}

impl FromIterator<KeeperIndex> for SignerSet {
    fn from_iter<I: IntoIterator<Item = KeeperIndex>>(indices: I) -> Self {
        let mut set = Self::default();
        for index in indices {
            set.insert(index);
        }
        set
    }
}

impl std::fmt::Debug for SignerSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter().map(|index| index.0)).finish()
    }
}

#[cfg(test)]
pub(crate) mod tests;
