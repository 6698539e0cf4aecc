// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IJobManager} from "../src/interfaces/IJobManager.sol";
import {ITaskManager} from "../src/interfaces/ITaskManager.sol";
import {Chain} from "../src/libraries/Chain.sol";
import {ArbGasInfoStandIn, ArbSysStandIn} from "./ChainStandIns.sol";
import {KindWorld} from "./KindWorld.sol";

/// @notice
/// A job by blocks: run k is due when block first + k * every is there
///   it settles from that block on and for 3,600 more, whatever the clock says
///   a run is refused that would close one that could still settle, counted in blocks
///   so many runs at most: later ones are refused
///   resumed, it goes on in the old rhythm, at least as many blocks away as the notice has seconds
///   where blocks have two numbers, they are the chain's own
contract BlocksTest is KindWorld {
    function test_run_isDueByItsBlock(uint256 first, uint256 every, uint256 run) public {
        first = block.number + 1 + first % 1000;
        every = 1 + every % 1000;
        run %= 40;
        uint64 id = create(blocks(first, every), 1 ether);
        equal(jobs.job(id).start, first, "the first block");
        equal(jobs.job(id).interval, every, "how many lie between");
        uint256 due = first + run * every;
        vm.roll(due - 1);
        refused(numbered(id, run), ITaskManager.Ineligible.NotDue, "the block before");
        refused(keyed(id, keyOf("a hash")), ITaskManager.Ineligible.NotDue, "no number at all");
        vm.roll(due + 3_600);
        vm.warp(block.timestamp + 30 days);
        settles(numbered(id, run), "the clock does not count");
    }

    function test_run_expiresByBlocks() public {
        uint64 id = create(blocks(block.number + 1, 2), 1 ether);
        uint256 first = block.number + 1;
        vm.roll(first + 3_601);
        refused(numbered(id, 0), ITaskManager.Ineligible.Expired, "3,601 blocks");
        settles(numbered(id, 1), "3,599");
        refused(numbered(id, 1801), ITaskManager.Ineligible.NotDue, "the next block");
    }

    function test_order_isKept() public {
        uint64 id = create(blocks(block.number + 1, 1), 1 ether);
        vm.roll(block.number + 200);
        for (uint256 run = 1; run <= 64; ++run) {
            settles(numbered(id, run), "run 0 stays open");
        }
        refused(numbered(id, 65), ITaskManager.Ineligible.OutOfOrder, "it would close run 0");
        settles(numbered(id, 0), "which settles");
        settles(numbered(id, 65), "and then it does");
    }

    function test_order_isKeptUntilExpired() public {
        uint64 id = create(blocks(block.number + 1, 1), 1 ether);
        uint256 first = block.number + 1;
        vm.roll(first + 100);
        for (uint256 run = 1; run <= 64; ++run) {
            settles(numbered(id, run), "run 0 stays open");
        }
        vm.roll(first + 3_600);
        refused(numbered(id, 65), ITaskManager.Ineligible.OutOfOrder, "run 0 can settle");
        vm.roll(first + 3_601);
        settles(numbered(id, 65), "it has expired");
    }

    function test_mostRuns_areCounted() public {
        IJobManager.JobParams memory p = blocks(block.number + 1, 3);
        p.mostRuns = 2;
        uint64 id = create(p, 1 ether);
        equal(jobs.job(id).limits.mostRuns, 2, "kept");
        vm.roll(block.number + 20);
        refused(numbered(id, 2), ITaskManager.Ineligible.Inactive, "the third");
        settles(numbered(id, 1), "the second");
        settles(numbered(id, 0), "the first");
        pauseFully(id);
        vm.prank(CREATOR);
        jobs.resume(id);
        vm.roll(jobs.job(id).start + 20);
        refused(numbered(id, 2), ITaskManager.Ineligible.Inactive, "of the second version too");
        settles(numbered(id, 0), "which has its own");
    }

    function test_resume_keepsTheRhythm(uint256 every, uint256 later) public {
        every = 1 + every % 500;
        uint256 first = block.number + 1;
        uint64 id = create(blocks(first, every), 1 ether);
        pauseFully(id);
        vm.roll(block.number + later % 10_000);
        vm.prank(CREATOR);
        jobs.resume(id);
        uint256 start = jobs.job(id).start;
        equal((start - first) % every, 0, "in the old rhythm");
        check(start >= block.number + NOTICE && start < block.number + NOTICE + every, "the first that is away enough");
    }

    function test_resume_keepsAFirstBlockThatLiesAhead() public {
        uint64 id = create(blocks(block.number + 10_000, 7), 1 ether);
        uint256 first = jobs.job(id).start;
        pauseFully(id);
        vm.prank(CREATOR);
        jobs.resume(id);
        equal(jobs.job(id).start, first, "as it was");
    }
}

/// @notice The same where `block.number` is another chain's.
contract BlocksOnArbitrumTest is KindWorld {
    ArbSysStandIn private constant SYS = ArbSysStandIn(address(Chain.ARB_SYS));
    uint256 private constant OWN = 300_000_000;

    function setUp() public override {
        vm.etch(address(SYS), type(ArbSysStandIn).runtimeCode);
        vm.etch(address(Chain.ARB_GAS_INFO), type(ArbGasInfoStandIn).runtimeCode);
        SYS.setNumber(OWN);
        super.setUp();
    }

    function recentAnchors() internal view override returns (ITaskManager.Anchor[] memory anchors) {
        anchors = new ITaskManager.Anchor[](1);
        uint64 number = uint64(SYS.arbBlockNumber() - 2);
        anchors[0] = ITaskManager.Anchor(number, SYS.arbBlockHash(number));
    }

    function test_run_isDueByTheOwnNumber() public {
        refusesTo(
            abi.encodeCall(jobs.createJob, (blocks(OWN, 1), 0, UNUSED)),
            abi.encodeWithSelector(IJobManager.InvalidTrigger.selector)
        );
        uint64 id = create(blocks(OWN + 5, 10), 1 ether);
        vm.roll(OWN + 100);
        SYS.setNumber(OWN + 14);
        refused(numbered(id, 1), ITaskManager.Ineligible.NotDue, "whatever the other number is");
        SYS.setNumber(OWN + 15);
        settles(numbered(id, 1), "its own");
        pauseFully(id);
        vm.prank(CREATOR);
        jobs.resume(id);
        equal(jobs.job(id).start, OWN + 45, "the notice, in its own blocks");
    }

    function test_cooldown_isInOwnBlocks() public {
        uint64 id = create(condition(), 1 ether);
        SYS.setNumber(OWN + 10);
        settles(keyed(id, keyOf("one")), "settled in block 10");
        vm.roll(block.number + 100);
        SYS.setNumber(OWN + 10 + COOLDOWN + 1);
        refused(keyed(id, keyOf("two")), ITaskManager.Ineligible.NotDue, "anchored at 14");
        SYS.setNumber(OWN + 10 + COOLDOWN + 2);
        settles(keyed(id, keyOf("two")), "anchored at 15");
    }
}
