// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IJobManager} from "../src/interfaces/IJobManager.sol";
import {ITaskManager} from "../src/interfaces/ITaskManager.sol";
import {GasWorld, PricedJobManager} from "./Gas.t.sol";
import {Splitter} from "./GasRefunded.t.sol";
import {KindWorld} from "./KindWorld.sol";
import {World} from "./World.sol";

// Gas of settling jobs that are not as nearly all are, whose submitter has it back from them; see Gas.t.sol. By the calendar a run
// costs what it does in a rhythm. What a log costs more is the fresh slot that it is kept in.

/// forge-config: default.isolate = true
/// forge-config: default.evm_version = "osaka"
contract GasKindsTest is GasWorld, KindWorld {
    uint256 private constant ABSENT = 6;

    /// @dev what `createIdle` lists
    uint256 private kind;
    IJobManager.Missed private missed;
    uint32 private mostRuns;

    function setUp() public override(GasWorld, World) {
        GasWorld.setUp();
    }

    function newJobManager(address tasksAt, address registryAt, address serviceAt)
        internal
        override(World)
        returns (address)
    {
        return address(new PricedJobManager(tasksAt, registryAt, serviceAt, NOTICE, TIP));
    }

    function keepers() internal pure override returns (uint256) {
        return 64;
    }

    function createIdle() internal override returns (uint64) {
        IJobManager.JobParams memory p = anyOf(kind);
        (p.target, p.missed, p.mostRuns) = (address(sink), missed, mostRuns);
        return create(p, 1 ether);
    }

    /// A run of each of the jobs from `first` on.
    function dueRuns(uint64 first, uint256 count, uint8 status) private view returns (Entry[] memory entries) {
        entries = new Entry[](count);
        for (uint64 i = 0; i < count; ++i) {
            entries[i] = dueRun(first + i);
            entries[i].status = status;
        }
    }

    /// What settling a run of so many jobs of the kind costs, and what comes back of it.
    function refunded(string memory name, uint256 count, uint8 status) private returns (uint256 gas) {
        uint64 first = createIdle();
        for (uint256 i = 1; i < count; ++i) {
            createIdle();
        }
        further();
        measure(dueRuns(first, count, status), without(ABSENT));
        further();
        gas = measure(dueRuns(first, count, status), without(ABSENT));
        uint256 back = (jobs.refunds(operatorOf(1)) - refundsBefore) / TIP;
        string memory key = string.concat("settle_", vm.toString(count), "_n64_", name);
        note(string.concat(key, "_refunded"), gas);
        note(string.concat(key, "_back"), back);
        check(back <= gas, "nobody gains by settling");
        check(back >= gas * 96 / 100, "and nobody loses much");
    }

    function ofKind(IJobManager.Trigger trigger, string memory name) private {
        kind = uint256(trigger);
        refunded(name, 1, 0);
        refunded(name, 32, 1);
    }

    function test_cron() public {
        ofKind(IJobManager.Trigger.Cron, "cron");
    }

    function test_blocks() public {
        ofKind(IJobManager.Trigger.Blocks, "blocks");
    }

    function test_blocksUpToSoMany() public {
        mostRuns = 1000;
        ofKind(IJobManager.Trigger.Blocks, "blocks_counted");
    }

    function test_logs() public {
        ofKind(IJobManager.Trigger.Log, "log");
    }

    function test_conditions() public {
        ofKind(IJobManager.Trigger.Condition, "condition");
    }

    function test_limits() public {
        (missed, mostRuns) = (IJobManager.Missed.Skip, 1000);
        ofKind(IJobManager.Trigger.Interval, "limits");
    }

    /// Many logs of one job: its words are read once.
    function test_logsOfOneJob() public {
        kind = uint256(IJobManager.Trigger.Log);
        uint64 id = createIdle();
        Entry[] memory entries = new Entry[](32);
        uint256 gas;
        for (uint256 round = 0; round < 2; ++round) {
            for (uint256 i = 0; i < 32; ++i) {
                entries[i] = keyed(id, keccak256(abi.encode(round, i)));
                entries[i].status = 1;
            }
            gas = measure(entries, without(ABSENT));
        }
        uint256 back = (jobs.refunds(operatorOf(1)) - refundsBefore) / TIP;
        note("settle_32_n64_logs_of_one_job_refunded", gas);
        note("settle_32_n64_logs_of_one_job_back", back);
        check(back <= gas && back >= gas * 97 / 100, "nobody gains, and nobody loses much");
    }

    /// An operator that is a contract, and makes up the calldata of a log at a time for nothing.
    function test_logsInParts() public {
        kind = uint256(IJobManager.Trigger.Log);
        uint64 id = createIdle();
        Splitter splitter = new Splitter();
        allocate(address(splitter), 1e18);
        registerWith(address(splitter), registration(address(splitter), secretOf(64), peerKeyOf(64)));
        Entry[] memory entries = new Entry[](16);
        for (uint256 i = 0; i < 16; ++i) {
            entries[i] = keyed(id, keccak256(abi.encode("part", i)));
            entries[i].status = 1;
        }
        ITaskManager.Anchor[] memory anchors = recentAnchors();
        ITaskManager.Certificate memory certificate = certify(anchors, entries, without(ABSENT));
        splitter.split(tasks, certificate, batchOf(anchors, entries, leavesOf(anchors, entries)));
        uint256 gas = vm.lastCallGas().gasTotalUsed;
        uint256 back = jobs.refunds(address(splitter)) / TIP;
        check(back != 0 && back <= gas, "nothing is gained");
        for (uint256 i = 0; i < 16; ++i) {
            check(jobs.isSettled(id, 1, entries[i].instanceKey), "all settled");
        }
    }

    /// Logs that cannot be paid: their slots are given back by the chain, and so by nobody else.
    function test_logsUnpaid() public {
        IJobManager.JobParams memory p = logs();
        (p.target, p.fee) = (address(sink), 0.5 ether);
        uint64 poor = create(p, 0.45 ether);
        Entry[] memory entries = new Entry[](8);
        for (uint256 i = 0; i < 8; ++i) {
            entries[i] = keyed(poor, keccak256(abi.encode("unpaid", i)));
        }
        uint256 gas = measureAll(entries, without(ABSENT), 0);
        uint256 back = (jobs.refunds(operatorOf(1)) - refundsBefore) / TIP;
        check(back * 10 <= gas, "nothing is gained by bringing them");
    }
}
