// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ITaskManager} from "../interfaces/ITaskManager.sol";

/// @title ReportLib
/// @notice What keepers sign: reports, the batches they are leaves of, and the EIP-712 digest of a batch.
library ReportLib {
    /// @notice The statement about one task.
    struct Report {
        uint64 jobId;
        uint32 jobVersion;
        bytes32 instanceKey;
        uint64 anchorNumber;
        bytes32 anchorHash;
        bytes32 inputHash;
        uint8 status;
        bytes32 outcomeHash;
    }

    bytes32 internal constant REPORT_TYPEHASH = keccak256(
        "Report(uint64 jobId,uint32 jobVersion,bytes32 instanceKey,uint64 anchorNumber,bytes32 anchorHash,bytes32 inputHash,uint8 status,bytes32 outcomeHash)"
    );
    bytes32 internal constant BATCH_TYPEHASH = keccak256("Batch(uint32 epoch,bytes32 root)");
    bytes32 internal constant RULING_TYPEHASH =
        keccak256("Ruling(uint32 epoch,uint64 disputeId,bytes32 leaf,uint8 status,bytes32 outcomeHash)");
    bytes32 internal constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 internal constant NAME_HASH = keccak256("KeeperMesh");
    bytes32 internal constant VERSION_HASH = keccak256("1");

    function taskId(uint64 jobId, uint32 jobVersion, bytes32 instanceKey) internal pure returns (bytes32) {
        return keccak256(abi.encode(jobId, jobVersion, instanceKey));
    }

    /// @notice Binds the outcome to the code that produced it and to the state it left:
    /// keccak256(abi.encode(keccak256(outcome), codeHash, stateAfterRoot, transcriptRoot)). Fuel stays out.
    /// @param outcome the delivery's own
    function outcomeHash(ITaskManager.Delivery calldata delivery, bytes calldata outcome)
        internal
        pure
        returns (bytes32 hash)
    {
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, outcome.offset, outcome.length)
            mstore(free, keccak256(free, outcome.length))
            calldatacopy(add(free, 32), delivery, 96) // the three words it begins with
            hash := keccak256(free, 128)
        }
    }

    /// @notice A leaf of the batch: keccak256(keccak256(abi.encode(REPORT_TYPEHASH, report))), hashed twice, so that no
    /// inner node can be shown as a leaf.
    function leaf(Report memory report) internal pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(abi.encode(REPORT_TYPEHASH, report))));
    }

    /// @notice Where a report is laid out to be hashed: its type, and eight words for the fields.
    function draft() internal pure returns (bytes memory) {
        return bytes.concat(REPORT_TYPEHASH, new bytes(256));
    }

    /// @notice Merkle root: neighbours paired from the left, layer by layer, an odd last node promoted unchanged.
    /// OpenZeppelin's `MerkleProof.verify` accepts its proofs. Overwrites `nodes`; needs at least one.
    function root(bytes32[] memory nodes) internal pure returns (bytes32 top) {
        assembly ("memory-safe") {
            let first := add(nodes, 32)
            for { let count := mload(nodes) } gt(count, 1) { count := shr(1, add(count, 1)) } {
                let to := first
                let from := first
                for { let end := add(first, shl(6, shr(1, count))) } lt(from, end) { from := add(from, 64) } {
                    let left := mload(from)
                    let right := mload(add(from, 32))
                    // the smaller one first
                    let swap := and(xor(left, right), sub(0, gt(left, right)))
                    mstore(0, xor(left, swap))
                    mstore(32, xor(right, swap))
                    mstore(to, keccak256(0, 64))
                    to := add(to, 32)
                }
                if and(count, 1) { mstore(to, mload(from)) }
            }
            top := mload(first)
        }
    }

    function domainSeparator(address taskManager) internal view returns (bytes32) {
        return keccak256(abi.encode(DOMAIN_TYPEHASH, NAME_HASH, VERSION_HASH, block.chainid, taskManager));
    }

    /// @notice The EIP-712 digest that partials and certificates sign.
    function digest(bytes32 domain, uint32 epoch, bytes32 batchRoot) internal pure returns (bytes32) {
        return keccak256(bytes.concat(hex"1901", domain, keccak256(abi.encode(BATCH_TYPEHASH, epoch, batchRoot))));
    }

    /// @notice The EIP-712 digest that keepers sign to rule on a dispute of the report with this leaf.
    function rulingDigest(
        bytes32 domain,
        uint32 epoch,
        uint64 disputeId,
        bytes32 reportLeaf,
        uint8 status,
        bytes32 outcome
    ) internal pure returns (bytes32) {
        bytes32 ruling = keccak256(abi.encode(RULING_TYPEHASH, epoch, disputeId, reportLeaf, status, outcome));
        return keccak256(bytes.concat(hex"1901", domain, ruling));
    }
}
