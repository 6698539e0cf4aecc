// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IJobManager} from "./interfaces/IJobManager.sol";
import {JobForwarder} from "./JobForwarder.sol";
import {Create2} from "@openzeppelin/contracts/utils/Create2.sol";

/// @title Records
/// @notice The jobs as stored.
/// @dev A settlement reads two slots of a job, as words (see JobWord), and writes one; with a callback it reads the
/// target's too. Whatever else touches a job does so field by field. First among the parents of the JobManager, so that its
/// storage is at the same place in the {Desk}, which has no other.
abstract contract Records {
    /// @dev Written by every settlement: one slot, see JobWord.
    struct Account {
        uint96 escrow;
        uint32 version;
        IJobManager.Status status;
        /// @dev 1: it pays in a token; 2: it can pay for its next run, see Covering; 4 and 8: its runs have hashes for keys, of logs or
        /// of blocks
        uint8 marks;
        /// @dev callbacks that failed since one succeeded
        uint8 failures;
        /// @dev see RunLog, and where runs have hashes for keys KeyLog
        uint104 runs;
    }

    /// @dev Read by every settlement: one slot, see JobWord.
    struct Schedule {
        uint80 fee;
        /// @dev when run 0 is due; where no run has a number, from when on there are any
        uint40 start;
        uint32 interval;
        /// @dev the last moment at which a run may be due, in unix seconds; zero: there is none
        uint40 inactiveFrom;
        uint24 callbackGas;
        uint16 quorumBps;
        uint16 punctualSeconds;
        /// @dev number of the trigger and some bits, see JobWord
        uint8 kind;
    }

    struct Record {
        Account account;
        Schedule schedule;
        /// @dev read by every settlement with a callback, as a word: target, then salt
        address target;
        uint88 salt;
        IJobManager.Action action;
        address token;
        /// @dev wei set aside for gas where the job pays in a token
        uint96 gas;
        address owner;
        /// @dev when a callback failed last, in unix seconds
        uint40 failedAt;
        /// @dev the first minute of a version by the calendar, in unix seconds: its runs are minutes since 1970
        uint40 firstMinute;
        bytes32 codeHash;
        /// @dev wei that come back when the job has ended
        uint96 deposit;
        uint40 until;
        uint32 mostRuns;
        uint64 mostGasPrice;
        IJobManager.Missed missed;
    }

    struct Withdrawal {
        uint96 amount;
        uint96 gas;
        uint64 availableAt;
    }

    /* CONSTANTS */

    /// @dev An hour: takeovers and later attempts take minutes, so only an outage of the whole mesh loses tasks.
    uint32 internal constant EXPIRY = 1 hours;
    uint32 internal constant MAX_CALLBACK_GAS = 500_000;

    uint32 internal immutable _noticeSeconds;
    bytes32 internal immutable _forwarderCodeHash;

    /* STORAGE */

    // zero at first is what is meant; it is the Desk that writes them, in the JobManager's storage
    // slither-disable-start uninitialized-state
    uint64 internal _jobCount;
    /// @dev what listing a job takes, in wei
    uint96 internal _listingDeposit;
    mapping(uint64 jobId => Record) internal _jobs;
    mapping(uint64 jobId => Withdrawal) internal _withdrawals;
    /// @dev zero: not on the list
    mapping(address token => uint96) internal _leastFee;
    // slither-disable-end uninitialized-state

    constructor(address taskManager_, uint32 notice) {
        _noticeSeconds = notice;
        _forwarderCodeHash = keccak256(_forwarderCode(taskManager_));
    }

    /* FORWARDERS */

    function _forwarderAt(uint88 salt) internal view returns (address) {
        return Create2.computeAddress(bytes32(uint256(salt)), _forwarderCodeHash);
    }

    function _forwarderCode(address caller) internal pure returns (bytes memory) {
        return bytes.concat(type(JobForwarder).creationCode, abi.encode(caller));
    }

    /// @dev As many bits as lie beside a job's target, where a settlement reads them for nothing. Finding another creator and
    /// salt that give the same takes 2^88 hashes, and gains an address that somebody was about to use.
    function _saltOf(address creator, bytes32 salt) internal pure returns (uint88) {
        return uint88(uint256(keccak256(abi.encode(creator, salt))));
    }

    /* WORDS */

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
}
