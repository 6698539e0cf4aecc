// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";

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
    bytes32 internal constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 internal constant NAME_HASH = keccak256("KeeperMesh");
    bytes32 internal constant VERSION_HASH = keccak256("1");

    function taskId(uint64 jobId, uint32 jobVersion, bytes32 instanceKey) internal pure returns (bytes32) {
        return keccak256(abi.encode(jobId, jobVersion, instanceKey));
    }

    /// @notice Binds the outcome to the code that produced it and to the state it left. Fuel stays out.
    function outcomeHash(bytes memory outcome, bytes32 codeHash, bytes32 stateAfterRoot, bytes32 transcriptRoot)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(keccak256(outcome), codeHash, stateAfterRoot, transcriptRoot));
    }

    /// @notice A leaf of the batch; hashed twice, so that no inner node can be shown as a leaf.
    function leaf(Report memory report) internal pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(abi.encode(REPORT_TYPEHASH, report))));
    }

    /// @notice Merkle root: neighbours paired from the left, layer by layer, an odd last node promoted unchanged.
    /// OpenZeppelin's `MerkleProof.verify` accepts its proofs. Overwrites `nodes`; needs at least one.
    function root(bytes32[] memory nodes) internal pure returns (bytes32) {
        uint256 count = nodes.length;
        while (count > 1) {
            uint256 pairs = count / 2;
            for (uint256 i = 0; i < pairs; ++i) {
                nodes[i] = Hashes.commutativeKeccak256(nodes[2 * i], nodes[2 * i + 1]);
            }
            if (count % 2 == 1) nodes[pairs] = nodes[count - 1];
            count = pairs + count % 2;
        }
        return nodes[0];
    }

    function domainSeparator(address taskManager) internal view returns (bytes32) {
        return keccak256(abi.encode(DOMAIN_TYPEHASH, NAME_HASH, VERSION_HASH, block.chainid, taskManager));
    }

    /// @notice The EIP-712 digest that partials and certificates sign.
    function digest(bytes32 domain, uint32 epoch, bytes32 batchRoot) internal pure returns (bytes32) {
        return keccak256(bytes.concat(hex"1901", domain, keccak256(abi.encode(BATCH_TYPEHASH, epoch, batchRoot))));
    }
}
