// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Counter} from "../src/examples/Counter.sol";
import {ITaskManager} from "../src/interfaces/ITaskManager.sol";
import {ReportLib} from "../src/libraries/ReportLib.sol";
import {Test, Vm} from "./Vm.sol";

/// @notice Batches as submitters write them, and what settlements say.
abstract contract Batches is Test {
    bytes32 internal constant CODE_HASH = keccak256("code");

    /// @notice A report with its outcome in full, whatever its status.
    struct Entry {
        uint64 jobId;
        uint32 jobVersion;
        uint8 anchor;
        uint8 status;
        bytes32 instanceKey;
        bytes32 inputHash;
        bytes32 codeHash;
        bytes32 stateAfterRoot;
        bytes32 transcriptRoot;
        bytes outcome;
    }

    /* BATCHES */

    function callEntry(uint64 job, uint64 run) internal pure returns (Entry memory entry) {
        entry.jobId = job;
        entry.jobVersion = 1;
        entry.instanceKey = bytes32(uint256(run));
        entry.codeHash = CODE_HASH;
        entry.outcome = abi.encodeCall(Counter.increment, ());
    }

    function one(Entry memory entry) internal pure returns (Entry[] memory entries) {
        entries = new Entry[](1);
        entries[0] = entry;
    }

    function leafOf(ITaskManager.Anchor[] memory anchors, Entry memory entry) internal pure returns (bytes32) {
        ITaskManager.Anchor memory anchor = anchors[entry.anchor];
        return ReportLib.leaf(
            ReportLib.Report(
                entry.jobId,
                entry.jobVersion,
                entry.instanceKey,
                anchor.number,
                anchor.hash,
                entry.inputHash,
                entry.status,
                outcomeHashOf(entry)
            )
        );
    }

    function outcomeHashOf(Entry memory entry) internal pure returns (bytes32) {
        return
            keccak256(abi.encode(keccak256(entry.outcome), entry.codeHash, entry.stateAfterRoot, entry.transcriptRoot));
    }

    /// @notice The entries as a submitter writes them.
    function batchOf(ITaskManager.Anchor[] memory anchors, Entry[] memory entries, bytes32[] memory leaves)
        internal
        pure
        returns (ITaskManager.Batch memory batch)
    {
        batch.anchors = anchors;
        batch.leaves = leaves;
        batch.entries = new ITaskManager.Entry[](entries.length);
        batch.deliveries = new ITaskManager.Delivery[](entries.length);
        uint256 deliveries = 0;
        for (uint256 i = 0; i < entries.length; ++i) {
            Entry memory entry = entries[i];
            uint256 run = (uint256(entry.jobId) << 192) | (uint256(entry.jobVersion) << 160)
                | (uint256(entry.anchor) << 96) | entry.status;
            bytes32 outcomeHash = entry.status == 0 ? bytes32(0) : outcomeHashOf(entry);
            batch.entries[i] = ITaskManager.Entry(run, entry.instanceKey, entry.inputHash, outcomeHash);
            if (entry.status != 0) continue;
            batch.deliveries[deliveries++] =
                ITaskManager.Delivery(entry.codeHash, entry.stateAfterRoot, entry.transcriptRoot, entry.outcome);
        }
        ITaskManager.Delivery[] memory list = batch.deliveries;
        assembly ("memory-safe") {
            mstore(list, deliveries)
        }
    }

    function leavesOf(ITaskManager.Anchor[] memory anchors, Entry[] memory entries)
        internal
        pure
        returns (bytes32[] memory leaves)
    {
        leaves = new bytes32[](entries.length);
        for (uint256 i = 0; i < entries.length; ++i) {
            leaves[i] = leafOf(anchors, entries[i]);
        }
    }

    /* LOGS */

    /// @notice Reasons of the ReportIneligible events since `vm.recordLogs`.
    function ineligible() internal returns (ITaskManager.Ineligible[] memory reasons) {
        bytes32 topic = ITaskManager.ReportIneligible.selector;
        bytes[] memory found = logged(topic);
        reasons = new ITaskManager.Ineligible[](found.length);
        for (uint256 i = 0; i < found.length; ++i) {
            reasons[i] = abi.decode(found[i], (ITaskManager.Ineligible));
        }
    }

    /// @notice Whether the target accepted, from the data of a TaskSettled event.
    function deliveredOf(bytes memory data) internal pure returns (bool) {
        (uint256 fact,,) = abi.decode(data, (uint256, bytes32, bytes32));
        return (fact >> 8) & 1 == 1;
    }

    function logged(bytes32 topic) internal returns (bytes[] memory data) {
        return filter(vm.getRecordedLogs(), topic);
    }

    function filter(Vm.Log[] memory logs, bytes32 topic) internal pure returns (bytes[] memory data) {
        data = new bytes[](logs.length);
        uint256 count = 0;
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == topic) data[count++] = logs[i].data;
        }
        assembly ("memory-safe") {
            mstore(data, count)
        }
    }
}
