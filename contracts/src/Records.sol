// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IJobManager} from "./interfaces/IJobManager.sol";
import {JobWord} from "./libraries/JobWord.sol";
import {RunLog} from "./libraries/RunLog.sol";
import {Earnings} from "./Earnings.sol";

/// @title Records
/// @notice The jobs as stored.
/// @dev A settlement reads two slots of a job, as words (see JobWord), and writes one; with a callback it reads the
/// target's too. Whatever else touches a job does so field by field.
abstract contract Records is Earnings {
    /// @dev Written by every settlement: one slot, see JobWord.
    struct Account {
        uint96 escrow;
        uint32 version;
        Status status;
        bool hasToken;
        /// @dev callbacks that failed since one succeeded
        uint8 failures;
        /// @dev see RunLog
        uint104 runs;
    }

    /// @dev Read by every settlement: one slot, see JobWord.
    struct Schedule {
        uint80 fee;
        uint40 start;
        uint32 interval;
        uint40 inactiveFrom;
        uint24 callbackGas;
        uint16 quorumBps;
        uint16 punctualSeconds;
        Trigger trigger;
    }

    struct Record {
        Account account;
        Schedule schedule;
        /// @dev read by every settlement with a callback, as a word: target, then salt
        address target;
        uint88 salt;
        Action action;
        address token;
        address owner;
        /// @dev when a callback failed last, in unix seconds
        uint40 failedAt;
        bytes32 codeHash;
    }

    /* STORAGE */

    uint64 public jobCount;
    mapping(uint64 jobId => Record) internal _jobs;

    function _load(Account storage account) internal view returns (uint256 word) {
        assembly ("memory-safe") {
            word := sload(account.slot)
        }
    }

    /// @dev The two words of a job that lie side by side.
    function _load(Record storage record) internal view returns (uint256 account, uint256 schedule) {
        assembly ("memory-safe") {
            account := sload(record.slot)
            schedule := sload(add(record.slot, 1))
        }
    }

    function _store(Account storage account, uint256 word) internal {
        assembly ("memory-safe") {
            sstore(account.slot, word)
        }
    }

    /// @dev The target, lowest, and the forwarder's salt.
    function _callee(Record storage record) internal view returns (uint256 word) {
        assembly ("memory-safe") {
            word := sload(add(record.slot, 2))
        }
    }

    /* VIEWS */

    /// @inheritdoc IJobManager
    function isSettled(uint64 jobId, uint32 jobVersion, bytes32 instanceKey) external view returns (bool) {
        uint256 account = _load(_jobs[jobId].account);
        uint256 version = JobWord.version(account);
        // an older version's runs can settle no more
        if (jobVersion != version) return jobVersion < version;
        return RunLog.isSettled(JobWord.runs(account), uint256(instanceKey));
    }
}
