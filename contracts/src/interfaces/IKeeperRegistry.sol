// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ICertificateVerifier} from "./ICertificateVerifier.sol";

/// @title IKeeperRegistry
/// @notice Who the keepers are, and which of them count in which epoch.
/// @dev A BLS key is a G2 point of 192 bytes: x.c0, x.c1, y.c0, y.c1, each 48 bytes big-endian (EIP-2537 order without
/// its padding). A signature is a G1 point of 96 bytes: x, y. A peer key is a raw ed25519 public key.
interface IKeeperRegistry is ICertificateVerifier {
    /// @notice One registered operator. `index` is its place in the committees to come and its bit in their bitmaps of
    /// signers; for earlier ones see `placeOf`.
    struct Operator {
        uint16 index;
        bool registered;
        bool known;
        /// @dev `block.number` when it last registered, left or was ejected
        uint64 movedAt;
        bytes32 peerKey;
        bytes32 keyHash;
    }

    /// @notice One operator set, valid for the anchors from `activeFrom` to `activeUntil`, both included.
    struct Epoch {
        uint96 totalStake;
        uint16 size;
        uint64 activeFrom;
        /// @dev zero while the epoch is the newest one
        uint64 activeUntil;
        /// @dev contract whose code holds the epoch's table: aggregate key, stakes, key chunk addresses
        address table;
        /// @dev code hash of `table`
        bytes32 tableRoot;
    }

    /// @notice One row of a committee; rows with stake zero keep the indices of the others in place.
    struct Member {
        address operator;
        uint96 stake;
        bytes32 peerKey;
        bytes blsKey;
    }

    event OperatorRegistered(address indexed operator, uint16 indexed index, bytes blsKey, bytes32 peerKey);
    /// @notice The operator signs with another key, or is another peer, from the next epoch on.
    event KeysRotated(address indexed operator, uint16 indexed index, bytes blsKey, bytes32 peerKey);
    event OperatorDeregistered(address indexed operator, uint16 indexed index);
    /// @notice The operator counts no more: not as a signer of any epoch up to `untilEpoch`, and not at all later on
    /// until it registers anew.
    event OperatorEjected(address indexed operator, uint16 indexed index, uint32 untilEpoch);
    /// @notice The next epoch's table has `rows` of `size` rows: call `snapshot` again.
    event SnapshotDrafted(uint16 rows, uint16 size);
    event EpochSnapshot(uint32 indexed epoch, uint64 activeFrom, uint16 size, uint96 totalStake, bytes32 tableRoot);

    error OnlyServiceManager();
    error InvalidKeyLength();
    error KeyInUse();
    error PeerKeyInUse();
    error ZeroPeerKey();
    error InvalidProofOfPossession();
    error AlreadyRegistered();
    error NotRegistered();
    error KeysUnchanged();
    /// @notice All places are taken, and none can go to another operator yet.
    error TooManyOperators();
    error EpochNotDue(uint256 dueAt);
    error EpochUnchanged();
    /// @notice A signer bit past the committee's end, or of a row without stake.
    error StrayBits();
    /// @notice The set of signers is empty.
    error NoSigners();
    /// @notice The operator's stake is below `minimumStake`; in `snapshot`: nobody's stake reaches it.
    error NoStake();

    /// @notice Adds an operator. Only the ServiceManager calls it, while EigenLayer registers the operator.
    function register(address operator, bytes calldata blsKey, bytes calldata proofOfPossession, bytes32 peerKey)
        external;

    /// @notice Gives the calling operator other keys from the next epoch on: another BLS key with its proof of possession,
    /// another peer key, or both. Keys given up stay its own for ever, so what was signed with them stays provable.
    function rotateKeys(bytes calldata blsKey, bytes calldata proofOfPossession, bytes32 peerKey) external;

    /// @notice Takes an operator out of the epochs to come. Never reverts for an operator that is not there.
    function deregister(address operator) external;

    /// @notice Takes an operator out at once: as `deregister`, and in the epochs whose certificates may still settle, as in
    /// the one that is being drafted, its stake counts no more as signed, while the total stays. For one that is out already
    /// it does nothing. Only the ServiceManager calls it.
    function eject(address operator) external;

    /// @notice Writes the next epoch's table; anybody may, once `epochSeconds` have passed and something changed.
    /// @dev The new epoch is active from the block after this one. A call covers 64 operators; with more, it returns zero
    /// until as many calls have been made as it takes, within 100 blocks.
    function snapshot() external returns (uint32 epoch);

    function epochSeconds() external view returns (uint32);
    /// @notice Stake below this counts as none, so that taking one of the places costs something.
    function minimumStake() external view returns (uint96);
    /// @notice How many places were ever taken; the indices are the numbers below it.
    function operatorCount() external view returns (uint16);
    /// @notice Number of the newest epoch; zero before the first snapshot.
    function currentEpoch() external view returns (uint32);
    function epochInfo(uint32 epoch) external view returns (Epoch memory);
    /// @notice Bitmap of the operators that were ejected while an epoch was drafted, during it, or before the certificates of
    /// it expired.
    function ejected(uint32 epoch) external view returns (uint256);
    /// @notice Who leads a window, by stage: the committee indices that the keepers draw from `seed`, by stake and without
    /// replacement, at most 16. With `TaskSettled`'s submitter and lateness this shows whose turn was missed.
    /// @param seed keccak256(TaskManager.domainSeparator(), the epoch's tableRoot, window as 8 bytes, block hash), packed; the
    /// block is the one the keepers' `confirmations` before the last one at or before the start of the window before
    function leaders(uint32 epoch, bytes32 seed) external view returns (uint16[] memory);
    /// @notice The epoch active at a block; zero if there was none.
    function epochAt(uint64 blockNumber) external view returns (uint32);
    function operatorInfo(address operator) external view returns (Operator memory);
    /// @notice Whether the account is registered as an operator: not before, nor after it left or was ejected.
    function isRegistered(address account) external view returns (bool);
    /// @notice Whose place an index is in an epoch, also before the epoch began.
    function operatorAt(uint32 epoch, uint16 index) external view returns (address);
    /// @notice The place of an operator in an epoch, and whether it has one.
    function placeOf(uint32 epoch, address operator) external view returns (bool held, uint16 index);
    /// @notice The whole committee of an epoch, by index, with the keys of that epoch.
    function committee(uint32 epoch) external view returns (Member[] memory);

    /// @notice The message whose signature (under the proof-of-possession DST) proves possession of `blsKey`:
    /// keccak256(abi.encode(chainId, registry, operator, keccak256(blsKey), peerKey)).
    /// @dev ed25519 cannot be checked on chain, so possession of the peer key is not proven here: the BLS key vouches for
    /// it, and the mesh lets in only who proves it in the handshake. A peer key claimed for another's harm brings nothing
    /// but its place; the other one takes a new key.
    function possessionDigest(address operator, bytes calldata blsKey, bytes32 peerKey) external view returns (bytes32);

    /// @notice The sum of the signers' keys (256 bytes, EIP-2537 encoding), which their signature verifies under, and
    /// what they weigh. Ejected signers are in the key, since it must fit the signature, but add nothing to the weight.
    /// Reverts on stray bits.
    function signingKey(uint32 epoch, uint256[] calldata signers)
        external
        view
        returns (bytes memory key, Weight memory weight);

    /// @notice Stake of one index in an epoch.
    function stakeOf(uint32 epoch, uint16 index) external view returns (uint96);
}
