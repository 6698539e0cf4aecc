// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ITaskManager} from "../interfaces/ITaskManager.sol";
import {Chain} from "./Chain.sol";
import {ReportLib} from "./ReportLib.sol";
import {RunWord} from "./RunWord.sol";
import {Words} from "./Words.sol";

/// @title BatchLib
/// @notice Reads a batch as submitters write it: what the JobManager is told of its runs, and the root that was signed.
library BatchLib {
    uint256 internal constant MAX_REPORTS = 256;
    uint256 internal constant MAX_OUTCOME_BYTES = 65_536;
    uint256 internal constant OUTCOME_BYTES = 96;
    uint256 private constant PLACE_BYTES = 128;

    /// @notice Three words a delivery: the hash its report carries, and where in the calldata its outcome stands and how
    /// long it is. And how many name no code, and so have no hash of one.
    function outcomes(ITaskManager.Delivery[] calldata deliveries)
        internal
        pure
        returns (bytes memory found, uint256 codeless)
    {
        found = new bytes(deliveries.length * OUTCOME_BYTES);
        uint256 to = 0;
        for (uint256 i = 0; i < deliveries.length; ++i) {
            ITaskManager.Delivery calldata delivery = deliveries[i];
            bytes calldata outcome = delivery.outcome;
            if (outcome.length > MAX_OUTCOME_BYTES) revert ITaskManager.OutcomeTooLong(MAX_OUTCOME_BYTES);
            Words.put(found, to, uint256(ReportLib.outcomeHash(delivery, outcome)));
            Words.put(found, to + 32, Words.positionOf(outcome));
            Words.put(found, to + 64, outcome.length);
            to += OUTCOME_BYTES;
            unchecked {
                if (delivery.codeHash == 0) ++codeless;
            }
        }
    }

    /// @notice What the JobManager is told, three words an entry (see RunWord), and the leaves of the entries. Runs at an
    /// anchor that is gone or too old name job 0, which there is not, so nothing happens to them. And how many such anchors there are:
    /// anybody adds some whose hashes are of zeros, for nobody has signed the list.
    function read(
        Chain.Kind chain,
        uint256 maxAnchorAge,
        ITaskManager.Anchor[] calldata anchors,
        ITaskManager.Entry[] calldata entries,
        bytes memory found
    ) internal view returns (bytes memory runs, bytes32[] memory leaves, uint256 adrift) {
        runs = new bytes(entries.length * RunWord.RUN_BYTES);
        leaves = new bytes32[](entries.length);
        bytes memory places;
        (places, adrift) = _places(chain, maxAnchorAge, anchors);
        (bool isSound, uint256 taken) = fill(places, entries, found, runs, leaves);
        if (!isSound) _refuse(anchors, entries);
        if (taken != found.length) revert ITaskManager.InvalidDeliveries();
    }

    /// @dev Four words an anchor: its number and hash, and what becomes of the run of an entry that names it: the bits that
    /// stay, and the number in place of the position; of a run whose anchor does not stand only the status stays. And how many of
    /// them do not.
    function _places(Chain.Kind chain, uint256 maxAnchorAge, ITaskManager.Anchor[] calldata anchors)
        private
        view
        returns (bytes memory places, uint256 adrift)
    {
        places = new bytes(anchors.length * PLACE_BYTES);
        uint256 current = Chain.number(chain);
        for (uint256 i = 0; i < anchors.length; ++i) {
            ITaskManager.Anchor calldata anchor = anchors[i];
            (uint256 height, bytes32 hash) = (anchor.number, anchor.hash);
            bool stands = height < current && !isTooOld(height, current, maxAnchorAge) && Chain.hashOf(chain, height) == hash;
            (uint256 stay, uint256 put) = (~(uint256(type(uint64).max) << 96), height << 96);
            if (!stands) {
                (stay, put) = (3, 0);
                unchecked {
                    ++adrift;
                }
            }
            uint256 place = i * PLACE_BYTES;
            Words.put(places, place, height);
            Words.put(places, place + 32, uint256(hash));
            Words.put(places, place + 64, stay);
            Words.put(places, place + 96, put);
        }
    }

    /// @dev Fills `runs` and `leaves`; returns how many bytes of `found` it took, or that an entry is unsound. Every task
    /// of a batch comes through here: no checks but these.
    function fill(
        bytes memory places,
        ITaskManager.Entry[] calldata entries,
        bytes memory found,
        bytes memory runs,
        bytes32[] memory leaves
    ) internal pure returns (bool isSound, uint256 taken) {
        bytes memory draft = ReportLib.draft();
        isSound = true;
        assembly ("memory-safe") {
            let report := add(draft, 32)
            // the parameters walk along: runs, leaves, and entries, whose length counts down
            runs := add(runs, 32)
            leaves := add(leaves, 32)
            for {} entries.length { entries.length := sub(entries.length, 1) } {
                let run := calldataload(entries.offset)
                let place := shl(7, and(shr(96, run), 0xffffffffffffffff))
                let status := and(run, 0xffffffffffffffffffffffff)
                if or(gt(status, 2), iszero(lt(place, mload(places)))) {
                    isSound := 0
                    break
                }
                place := add(add(places, 32), place)
                // the report's words in their order, after its type; key and outcome also into `runs`
                mstore(add(report, 32), shr(192, run))
                mstore(add(report, 64), and(shr(160, run), 0xffffffff))
                mcopy(add(report, 128), place, 64)
                calldatacopy(add(report, 192), add(entries.offset, 64), 32)
                mstore(add(report, 224), status)
                let word := calldataload(add(entries.offset, 96))
                if iszero(status) {
                    // a call has no outcome hash, but a delivery
                    if or(word, iszero(lt(taken, mload(found)))) {
                        isSound := 0
                        break
                    }
                    word := mload(add(add(found, 32), taken))
                    taken := add(taken, 96)
                }
                mstore(add(report, 256), word)
                mstore(add(runs, 64), word)
                word := calldataload(add(entries.offset, 32))
                mstore(add(report, 96), word)
                mstore(add(runs, 32), word)
                mstore(runs, or(and(run, mload(add(place, 64))), mload(add(place, 96))))
                // hashed twice, see ReportLib.leaf
                mstore(0, keccak256(report, 288))
                mstore(leaves, keccak256(0, 32))
                runs := add(runs, 96)
                leaves := add(leaves, 32)
                entries.offset := add(entries.offset, 128)
            }
        }
    }

    /// @dev Says what is wrong with the first entry that is unsound.
    function _refuse(ITaskManager.Anchor[] calldata anchors, ITaskManager.Entry[] calldata entries) private pure {
        for (uint256 i = 0; i < entries.length; ++i) {
            uint256 run = entries[i].run;
            if (uint96(run) > 2) revert ITaskManager.InvalidStatus(uint96(run));
            if (RunWord.anchor(run) >= anchors.length) revert ITaskManager.InvalidAnchor(RunWord.anchor(run));
        }
        revert ITaskManager.InvalidDeliveries();
    }

    /// @notice The batch's root from the leaves of the entries and those given by hash. Overwrites `nodes`.
    function root(bytes32[] memory nodes, bytes32[] calldata leaves) internal pure returns (bytes32) {
        if (leaves.length == 0) return ReportLib.root(nodes);
        if (leaves.length > MAX_REPORTS) revert ITaskManager.TooManyReports();
        bytes32[] memory all = new bytes32[](leaves.length);
        uint256 next = 0;
        for (uint256 i = 0; i < leaves.length; ++i) {
            all[i] = leaves[i];
            if (leaves[i] != 0) continue;
            if (next == nodes.length) revert ITaskManager.InvalidLeaves();
            all[i] = nodes[next++];
        }
        if (next != nodes.length) revert ITaskManager.InvalidLeaves();
        return ReportLib.root(all);
    }

    function isTooOld(uint256 height, uint256 current, uint256 maxAnchorAge) internal pure returns (bool) {
        return height + maxAnchorAge < current;
    }
}
