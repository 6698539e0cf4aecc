// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ITaskManager} from "../src/interfaces/ITaskManager.sol";
import {GasOf64, PricedJobManager} from "./Gas.t.sol";

// Gas of settlements whose submitter has it back from the jobs; see Gas.t.sol.

/// @dev Brings a batch in calls of one task each, which it makes up itself: little calldata is paid for.
contract Splitter {
    /// @param batch all its entries, and the leaf of each
    function split(ITaskManager tasks, ITaskManager.Certificate calldata certificate, ITaskManager.Batch calldata batch)
        external
    {
        ITaskManager.Batch memory part;
        (part.anchors, part.leaves) = (batch.anchors, batch.leaves);
        part.entries = new ITaskManager.Entry[](1);
        for (uint256 i = 0; i < batch.entries.length; ++i) {
            part.entries[0] = batch.entries[i];
            bytes32 kept = part.leaves[i];
            part.leaves[i] = 0;
            tasks.settle(certificate, part);
            part.leaves[i] = kept;
        }
    }
}

/// @notice The same, and one task, with the submitter's gas refunded by the jobs.
/// forge-config: default.isolate = true
/// forge-config: default.evm_version = "osaka"
contract GasRefundedTest is GasOf64 {
    function newJobManager(address tasksAt, address registryAt, address serviceAt) internal override returns (address) {
        return address(new PricedJobManager(tasksAt, registryAt, serviceAt, NOTICE, TIP));
    }

    function suffix() internal pure override returns (string memory) {
        return "_refunded";
    }

    function refunded(string memory key, uint256 count, uint8 status) private {
        uint256 gas = batch(string.concat(key, suffix()), count, status);
        // there is no base fee: the tip is all that is refunded for a gas
        uint256 back = (jobs.refunds(operatorOf(1)) - refundsBefore) / TIP;
        note(string.concat(key, "_back"), back);
        check(back <= gas, "nobody gains by settling");
        check(back >= gas * 19 / 20, "and nobody loses much");
    }

    function test_refunded32OfOneJob() public {
        Entry[] memory entries = new Entry[](32);
        for (uint64 i = 0; i < 32; ++i) {
            entries[i] = callEntry(idle, i);
            entries[i].status = 1;
        }
        measure(entries, without(ABSENT));
        for (uint64 i = 0; i < 32; ++i) {
            entries[i].instanceKey = bytes32(uint256(32 + i));
        }
        uint256 gas = measure(entries, without(ABSENT));
        uint256 back = (jobs.refunds(operatorOf(1)) - refundsBefore) / TIP;
        note("settle_32_n64_one_job_refunded", gas);
        note("settle_32_n64_one_job_back", back);
        check(back <= gas, "nobody gains by settling");
        check(back >= gas * 9 / 10, "and nobody loses much");
    }

    /// Neither who brings a batch task by task in one transaction, nor who does so in many.
    function test_refundedInParts() public {
        Splitter splitter = new Splitter();
        allocate(address(splitter), 1e18);
        registerWith(address(splitter), registration(address(splitter), secretOf(64), peerKeyOf(64)));
        Entry[] memory entries = new Entry[](16);
        for (uint64 i = 0; i < 16; ++i) {
            entries[i] = callEntry(createIdle(), 0);
            entries[i].status = 1;
        }
        vm.warp(block.timestamp + 1000);
        measure(entries, without(ABSENT));
        for (uint64 i = 0; i < 16; ++i) {
            entries[i].instanceKey = bytes32(uint256(1));
        }
        ITaskManager.Anchor[] memory anchors = recentAnchors();
        ITaskManager.Certificate memory certificate = certify(anchors, entries, without(ABSENT));
        bytes32[] memory leaves = leavesOf(anchors, entries);
        splitter.split(tasks, certificate, batchOf(anchors, entries, leaves));
        uint256 gas = vm.lastCallGas().gasTotalUsed;
        uint256 back = jobs.refunds(address(splitter)) / TIP;
        check(back != 0 && back <= gas, "nothing is gained in one transaction");
        inTransactions(entries);
    }

    function inTransactions(Entry[] memory entries) private {
        for (uint64 i = 0; i < 16; ++i) {
            entries[i].instanceKey = bytes32(uint256(2));
        }
        ITaskManager.Anchor[] memory anchors = recentAnchors();
        ITaskManager.Certificate memory certificate = certify(anchors, entries, without(ABSENT));
        bytes32[] memory leaves = leavesOf(anchors, entries);
        for (uint64 i = 0; i < 16; ++i) {
            bytes32 kept = leaves[i];
            leaves[i] = 0;
            uint256 before = jobs.refunds(operatorOf(1));
            vm.prank(operatorOf(1), operatorOf(1));
            equal(tasks.settle(certificate, batchOf(anchors, one(entries[i]), leaves)), 1, "one");
            uint256 gas = vm.lastCallGas().gasTotalUsed;
            check((jobs.refunds(operatorOf(1)) - before) / TIP <= gas, "nor in many");
            leaves[i] = kept;
        }
    }

    function test_refunded32() public {
        refunded("settle_32_n64", 32, 1);
    }

    function test_refunded32WithCallback() public {
        refunded("settle_32_n64_callback", 32, 0);
    }

    /// What comes of no code has no hash of one in its calldata.
    function test_refundedWithoutCode() public {
        for (uint256 i = 1; i < 32; ++i) {
            createIdle();
        }
        vm.warp(block.timestamp + 1000);
        uint256 gas = 0;
        for (uint64 run = 0; run < 2; ++run) {
            Entry[] memory entries = runsOf(32, run, 0);
            for (uint256 i = 0; i < 32; ++i) {
                entries[i].codeHash = 0;
            }
            gas = measure(entries, without(ABSENT));
        }
        uint256 back = (jobs.refunds(operatorOf(1)) - refundsBefore) / TIP;
        note("settle_32_n64_without_code_refunded", gas);
        note("settle_32_n64_without_code_back", back);
        check(back <= gas, "nobody gains by settling");
        check(back >= gas * 19 / 20, "and nobody loses much");
    }

    /// Who comes and goes from one batch to the next is not the submitter's doing: what is written of it is paid back, in the first
    /// batch of an epoch too.
    function test_refundedWhoeverComesAndGoes() public {
        uint256 count = 8;
        for (uint256 i = 1; i < count; ++i) {
            createIdle();
        }
        vm.warp(block.timestamp + 1000);
        uint256 everybody = without(0);
        uint256 others = everybody & ((without(21) << 1) | 1);
        uint256[5] memory signers = [without(21), others, without(21), everybody, others];
        for (uint64 run = 0; run < signers.length; ++run) {
            // the first of its jobs, in an epoch that has begun with others
            if (run == 0) measure(runsOf(1, 9, 1), everybody);
            uint256 gas = measure(runsOf(count, run, 1), signers[run]);
            checkWhole(string.concat("settle_8_n64_flapping", vm.toString(run)), gas);
        }
        measure(runsOf(1, 5, 0), without(1));
        checkWhole("settle_1_n64_back_again", measure(runsOf(1, 6, 0), everybody));
        vm.warp(block.timestamp + EPOCH_SECONDS);
        allocate(operatorOf(0), 5e17);
        openEpoch();
        vm.roll(block.number + 5);
        checkWhole("settle_8_n64_first_of_epoch", measure(runsOf(count, 7, 1), without(ABSENT)));
    }

    function checkWhole(string memory key, uint256 gas) private {
        uint256 back = (jobs.refunds(operatorOf(1)) - refundsBefore) / TIP;
        note(string.concat(key, "_refunded"), gas);
        note(string.concat(key, "_back"), back);
        check(back <= gas, "nobody gains by settling");
        check(back >= gas * 19 / 20, "and nobody loses much");
    }

    /// Nobody signs the list of anchors, so anybody adds some that do not stand: the zeros of their hashes cost next to nothing.
    function test_refundedWithPaddedAnchors() public {
        for (uint256 i = 1; i < 8; ++i) {
            createIdle();
        }
        vm.warp(block.timestamp + 1000);
        measure(runsOf(8, 0, 1), without(ABSENT));
        ITaskManager.Anchor[] memory some = recentAnchors();
        ITaskManager.Anchor[] memory anchors = new ITaskManager.Anchor[](256);
        anchors[0] = some[0];
        for (uint256 i = 1; i < 256; ++i) {
            anchors[i].number = registry.epochInfo(registry.currentEpoch()).activeFrom;
        }
        Entry[] memory entries = runsOf(8, 1, 1);
        ITaskManager.Certificate memory certificate = certify(some, entries, without(ABSENT));
        uint256 before = jobs.refunds(operatorOf(1));
        vm.prank(operatorOf(1), operatorOf(1));
        equal(tasks.settle(certificate, batchOf(anchors, entries, new bytes32[](0))), 8, "settled");
        uint256 gas = vm.lastCallGas().gasTotalUsed;
        uint256 back = (jobs.refunds(operatorOf(1)) - before) / TIP;
        check(back <= gas, "nobody gains by settling");
        check(back >= gas * 19 / 20, "and nobody loses much");
    }

    function test_refunded128() public {
        refunded("settle_128_n64", 128, 1);
    }

    function test_refunded128WithCallback() public {
        refunded("settle_128_n64_callback", 128, 0);
    }
}
