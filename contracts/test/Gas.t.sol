// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {JobManager} from "../src/JobManager.sol";
import {IJobManager} from "../src/interfaces/IJobManager.sol";
import {ITaskManager} from "../src/interfaces/ITaskManager.sol";
import {Sink} from "./Targets.sol";
import {World} from "./World.sol";

// Gas of whole transactions: 21,000, calldata with the floor of EIP-7623, execution, refunds, at Osaka prices. Forge runs
// every call of these tests as a transaction of its own ("isolate"), so accounts and slots are cold when it starts.
// contracts/gas.sh keeps the figures in snapshots/gas.json, which is checked in.
//
// Nothing is refunded in them, as with a submitter that is no operator: forge runs such transactions at no price. The keys
// that end with _refunded are of the same with the submitter's gas refunded.
//
// Steady state: every slot that a settlement writes holds something already. The first settlement under an epoch writes
// fresh slots, and the first of a job one.

/// @notice The JobManager at a gas price: forge's isolated transactions have none, and nothing is refunded.
contract PricedJobManager is JobManager {
    constructor(address tasksAt, address registryAt, address serviceAt, uint32 notice, uint256 tip_)
        JobManager(tasksAt, registryAt, serviceAt, notice, tip_)
    {}

    function _paidPrice() internal view override returns (uint256) {
        return tx.gasprice + 1 gwei;
    }
}

/// @notice Settling with a committee of some size and one job whose target does nothing.
abstract contract GasWorld is World {
    uint64 internal idle;
    /// @dev what the submitter had coming before the last settlement
    uint256 internal refundsBefore;
    Sink internal sink;

    function setUp() public virtual override {
        super.setUp();
        for (uint256 i = KEEPERS; i < keepers(); ++i) {
            join(i);
        }
        if (keepers() < KEEPERS) quit(operatorOf(keepers()));
        openEpoch();
        vm.roll(block.number + 5);
        sink = new Sink();
        idle = createIdle();
        vm.warp(block.timestamp + 1000);
    }

    function keepers() internal pure virtual returns (uint256);

    /// @notice What the keys of the figures end with.
    function suffix() internal pure virtual returns (string memory) {
        return "";
    }

    function createIdle() internal virtual returns (uint64) {
        IJobManager.JobParams memory p = params();
        p.target = address(sink);
        return create(p, 1 ether);
    }

    /// @notice Everybody but `absent` keepers, which are spread evenly over the committee.
    function without(uint256 absent) internal pure returns (uint256 signers) {
        signers = type(uint256).max >> (256 - keepers());
        for (uint256 i = 0; i < absent; ++i) {
            signers ^= 1 << (i * keepers() / absent);
        }
    }

    /// @notice Run `run` of each of `count` jobs, from `idle` on.
    function runsOf(uint256 count, uint64 run, uint8 status) internal view returns (Entry[] memory entries) {
        entries = new Entry[](count);
        for (uint64 i = 0; i < count; ++i) {
            entries[i] = callEntry(idle + i, run);
            entries[i].status = status;
        }
    }

    /// @notice Gas of settling the entries, all of which must settle.
    function measure(Entry[] memory entries, uint256 signers) internal returns (uint256) {
        return measureAll(entries, signers, entries.length);
    }

    /// @notice The same where so many of them settle.
    function measureAll(Entry[] memory entries, uint256 signers, uint256 settled) internal returns (uint256) {
        ITaskManager.Anchor[] memory anchors = recentAnchors();
        ITaskManager.Certificate memory certificate = certify(anchors, entries, signers);
        address submitter = operatorOf(1);
        vm.deal(submitter, 100 ether);
        refundsBefore = jobs.refunds(submitter);
        vm.prank(submitter, submitter);
        equal(tasks.settle(certificate, batchOf(anchors, entries, new bytes32[](0))), settled, "settled");
        return vm.lastCallGas().gasTotalUsed;
    }

    function note(string memory key, uint256 gas) internal {
        vm.snapshotValue("gas", key, gas);
    }
}

/// @notice One task, with all of the committee or some.
abstract contract GasOfOne is GasWorld {
    function oneTask(string memory key, uint256 absent) internal returns (uint256 gas) {
        measure(runsOf(1, 0, 0), without(absent));
        gas = measure(runsOf(1, 1, 0), without(absent));
        note(string.concat("settle_1_n", vm.toString(keepers()), "_absent", key, suffix()), gas);
    }

    function test_oneTask() public {
        oneTask("0", 0);
    }

    function test_oneTaskTenthAbsent() public {
        uint256 gas = oneTask("10pct", keepers() < 10 ? 1 : keepers() / 10);
        if (keepers() <= 64 && bytes(suffix()).length == 0) {
            check(gas <= 244_600, "one task costs more gas than promised");
        }
    }

    function test_oneTaskThirdAbsent() public {
        oneTask("33pct", keepers() / 3);
    }
}

/// forge-config: default.isolate = true
/// forge-config: default.evm_version = "osaka"
contract Gas4Test is GasOfOne {
    function keepers() internal pure override returns (uint256) {
        return 4;
    }
}

/// forge-config: default.isolate = true
/// forge-config: default.evm_version = "osaka"
contract Gas16Test is GasOfOne {
    function keepers() internal pure override returns (uint256) {
        return 16;
    }
}

/// forge-config: default.isolate = true
/// forge-config: default.evm_version = "osaka"
contract Gas256Test is GasOfOne {
    function keepers() internal pure override returns (uint256) {
        return 256;
    }
}

/// @notice Batches of tasks of different jobs, a tenth of 64 keepers absent.
abstract contract GasOf64 is GasOfOne {
    uint256 internal constant ABSENT = 6;

    function keepers() internal pure override returns (uint256) {
        return 64;
    }

    /// `status`: skips are without callback, calls with one.
    function batch(string memory key, uint256 count, uint8 status) internal returns (uint256 gas) {
        for (uint256 i = 1; i < count; ++i) {
            createIdle();
        }
        vm.warp(block.timestamp + 1000);
        measure(runsOf(count, 0, status), without(ABSENT));
        gas = measure(runsOf(count, 1, status), without(ABSENT));
        note(key, gas);
    }
}

/// forge-config: default.isolate = true
/// forge-config: default.evm_version = "osaka"
contract Gas64Test is GasOf64 {
    function test_32Tasks() public {
        check(batch("settle_32_n64", 32, 1) <= 32 * 18_900, "32 tasks cost more gas than promised");
    }

    function test_32TasksWithCallback() public {
        check(batch("settle_32_n64_callback", 32, 0) <= 32 * 28_800, "32 calls cost more gas than promised");
    }

    function test_128Tasks() public {
        check(batch("settle_128_n64", 128, 1) <= 128 * 13_600, "128 tasks cost more gas than promised");
    }

    function test_128TasksWithCallback() public {
        check(batch("settle_128_n64_callback", 128, 0) <= 128 * 23_700, "128 calls cost more gas than promised");
    }

    /// Whoever comes second with a task that is settled loses little.
    function test_lostRace() public {
        measure(runsOf(1, 0, 0), without(ABSENT));
        ITaskManager.Anchor[] memory anchors = recentAnchors();
        Entry[] memory entries = runsOf(1, 0, 0);
        bytes memory data = abi.encodeCall(
            tasks.settle, (certify(anchors, entries, without(ABSENT)), batchOf(anchors, entries, new bytes32[](0)))
        );
        vm.prank(STRANGER, STRANGER);
        (bool ok,) = address(tasks).call(data);
        check(!ok, "a settled task settles no more");
        uint256 gas = vm.lastCallGas().gasTotalUsed;
        note("settle_lost_race", gas);
        check(gas <= 50_000, "losing a race costs more gas than allowed");
    }

    function test_register() public {
        address operator = operatorOf(64);
        allocate(operator, 1e18);
        bytes memory data = registration(operator, secretOf(64), peerKeyOf(64));
        registerWith(operator, data);
        note("register", vm.lastCallGas().gasTotalUsed);
    }

    function test_snapshot() public {
        allocate(operatorOf(0), 5e17);
        vm.warp(block.timestamp + EPOCH_SECONDS);
        registry.snapshot();
        note("snapshot_per_operator", uint256(vm.lastCallGas().gasTotalUsed) / keepers());
    }

    /// A call that does nothing costs what the protocol says: what is measured are whole transactions.
    function test_measuresWholeTransactions() public {
        (bool ok,) = address(sink).call(hex"00ff");
        equal(vm.lastCallGas().gasTotalUsed, 21_000 + 10 + 40, "calldata at its floor");
        check(ok, "it stops");
    }
}
