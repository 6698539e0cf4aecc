// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Guarded} from "../../src/Guarded.sol";
import {JobManager} from "../../src/JobManager.sol";
import {IJobManager} from "../../src/interfaces/IJobManager.sol";
import {RunWord} from "../../src/libraries/RunWord.sol";
import {Test} from "../Vm.sol";

contract GuardedHarness is Guarded {
    constructor() {
        _transferOwnership(msg.sender);
    }
}

contract RecordsHarness is JobManager {
    constructor() JobManager(address(1), address(2), address(3), 30, 1) {}

    /// @notice The words of a job that is written field by field from the bits of `account` and `schedule`.
    function loaded(uint64 id, uint256 account, uint256 schedule) external returns (uint256, uint256) {
        _write(_jobs[id].account, account);
        Schedule storage to = _jobs[id].schedule;
        (to.fee, to.start, to.interval) = (uint80(schedule), uint40(schedule >> 80), uint32(schedule >> 120));
        (to.inactiveFrom, to.callbackGas) = (uint40(schedule >> 152), uint24(schedule >> 192));
        (to.quorumBps, to.punctualSeconds) = (uint16(schedule >> 216), uint16(schedule >> 232));
        to.kind = uint8(schedule >> 248);
        return _load(_jobs[id]);
    }

    function _write(Account storage to, uint256 account) private {
        (to.escrow, to.version) = (uint96(account), uint32(account >> 96));
        to.status = Status(uint8(account >> 128));
        to.marks = uint8(account >> 136);
        (to.failures, to.runs) = (uint8(account >> 144), uint104(account >> 152));
    }

    /// @notice The word of a job's callee, written field by field.
    function callee(address target, uint88 salt, Action action) external returns (uint256) {
        (_jobs[3].target, _jobs[3].salt, _jobs[3].action) = (target, salt, action);
        return _callee(_jobs[3]);
    }

    /// @notice Whether a word that is stored reads field by field as one that was written so.
    function stored(uint256 account) external returns (bool) {
        _store(_jobs[1].account, account);
        _write(_jobs[2].account, account);
        return keccak256(abi.encode(_jobs[1].account)) == keccak256(abi.encode(_jobs[2].account));
    }
}

contract StoredTest is Test {
    function test_fuzzed_recordWords(uint64 id, uint256 account, uint256 schedule) public {
        RecordsHarness harness = new RecordsHarness();
        // one of the statuses, a token or none
        account = (account & ~(uint256(0xffff) << 128)) | ((account >> 128) % 4 << 128) | ((account & 1) << 136);
        (uint256 first, uint256 second) = harness.loaded(id, account, schedule);
        equal(first, account, "account");
        equal(second, schedule, "schedule");
        check(harness.stored(account), "and stored");
    }

    function test_fuzzed_callee(address target, uint88 salt) public {
        RecordsHarness harness = new RecordsHarness();
        uint256 word = harness.callee(target, salt, IJobManager.Action.Call);
        equal(uint160(word), uint160(target), "target");
        equal(RunWord.salt(word), salt, "salt");
    }

    function test_fuzzed_guardian(address guardian) public {
        GuardedHarness harness = new GuardedHarness();
        harness.setGuardian(guardian);
        bytes32 slot = keccak256(abi.encode(uint256(keccak256("keepermesh.guarded")) - 1)) & ~bytes32(uint256(0xff));
        equal(vm.load(address(harness), slot), bytes32(uint256(uint160(guardian))), "where ERC-7201 says");
    }
}
