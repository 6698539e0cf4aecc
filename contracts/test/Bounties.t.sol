// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IChallenger} from "../src/interfaces/IChallenger.sol";
import {IJobManager} from "../src/interfaces/IJobManager.sol";
import {ReportLib} from "../src/libraries/ReportLib.sol";
import {Challenged} from "./Challenged.sol";

/// @notice
/// What a conviction pays
///   when `minimumStake` or more was taken: the reward; when less: as much less; when nothing: nothing
///   on whatever tasks and however often a keeper convicts itself: less than it loses (REWARD for one ether, for one)
/// Tasks that never were
///   given an unknown job, a version to come, a run that is not due, a second run of a job that runs once: it is refused
///   given an earlier version, whose schedule is gone: it convicts
///   given an anchor that is still to come: it is refused
/// Many tasks with one fault behind them
///   under one epoch an offence is punished three times and no more; under the next one again
///   given others who are not at that number yet: they are still convicted, it alone is left out
contract BountiesTest is Challenged {
    uint256 private constant MINIMUM = 1 ether;

    function setUp() public override {
        super.setUp();
        challenger.fundBounties{value: 10 ether}();
    }

    function onRun(uint64 run, uint256 signers)
        private
        view
        returns (IChallenger.Statement memory, IChallenger.Statement memory)
    {
        return (statement(report(run, 1), none(), signers), statement(report(run, 2), none(), signers));
    }

    function proveRun(uint64 run, uint256 signers) private returns (uint256) {
        (IChallenger.Statement memory one, IChallenger.Statement memory other) = onRun(run, signers);
        return prove(one, other);
    }

    /* WHAT IS PAID */

    function test_pays_inProportionToWhatWasTaken() public {
        allocations.setDeposit(operatorOf(4), uint128(MINIMUM)); // half of it goes
        proveRun(0, 16);
        equal(challenger.owed(REPORTER), REWARD / 2, "half of the reward");
        proveRun(0, 8);
        equal(challenger.owed(REPORTER), REWARD / 2 + REWARD, "50 ether taken: the whole of it, and no more");
        equal(challenger.pot(), 10 ether - REWARD / 2 - REWARD, "out of the pot");
    }

    function test_pays_nothingWhereNothingIsLeft() public {
        allocations.setDeposit(operatorOf(4), 0);
        equal(proveRun(0, 16), 1, "convicted");
        check(!registry.operatorInfo(operatorOf(4)).registered, "ejected");
        equal(challenger.owed(REPORTER), 0, "for nothing");
        equal(challenger.pot(), 10 ether, "nothing spent");
    }

    /// Whatever a keeper has, on however many tasks it convicts itself, under whatever epochs: it is the poorer for it.
    function test_selfConvictions_neverPay(uint96 deposit, uint8[12] calldata runs) public {
        allocations.setDeposit(operatorOf(4), deposit);
        uint256 before = allocated(4);
        for (uint256 i = 0; i < runs.length; ++i) {
            (IChallenger.Statement memory one, IChallenger.Statement memory other) = onRun(runs[i], 16);
            vm.prank(operatorOf(4));
            try challenger.proveEquivocation(1, one, other) {} catch {}
        }
        uint256 earned = challenger.owed(operatorOf(4));
        uint256 taken = before - allocated(4);
        check(earned <= taken * REWARD / MINIMUM, "a hundredth of what was taken, at the most");
        check(earned <= challenger.MAX_PUNISHMENTS() * REWARD, "a few rewards, at the most");
        equal(challenger.pot() + earned, 10 ether, "what was paid left the pot");
    }

    /* TASKS THAT NEVER WERE */

    function refusesTask(ReportLib.Report memory one) private {
        ReportLib.Report memory other = abi.decode(abi.encode(one), (ReportLib.Report)); // a copy
        other.outcomeHash = keccak256("another");
        IChallenger.Statement memory first = statement(one, none(), 16);
        IChallenger.Statement memory second = statement(other, none(), 16);
        bytes memory reason =
            abi.encodeWithSelector(IChallenger.UnknownTask.selector, one.jobId, one.jobVersion, one.instanceKey);
        vm.expectRevert(reason);
        challenger.proveEquivocation(1, first, second);
        vm.deal(address(this), BOND);
        vm.expectRevert(reason);
        challenger.openDispute{value: BOND}(1, first);
        check(registry.operatorInfo(operatorOf(4)).registered, "it goes on");
    }

    function test_unknownTasks_areRefused() public {
        ReportLib.Report memory made = report(3, 1);
        made.jobId = 1 << 60;
        refusesTask(made);
        made = report(3, 1);
        made.jobVersion = 2;
        refusesTask(made);
        made.jobVersion = 0;
        refusesTask(made);
        uint256 due = (block.timestamp - jobs.job(jobId).start) / 10;
        refusesTask(report(uint64(due + 1), 1));
        made = report(3, 1);
        made.instanceKey = bytes32(type(uint256).max);
        refusesTask(made);
        equal(proveRun(uint64(due), 16), 1, "the last one due convicts");
    }

    function test_unknownTasks_ofAJobThatRunsOnce() public {
        jobId = createOnce();
        vm.warp(block.timestamp + 200);
        refusesTask(report(1, 1));
        equal(proveRun(0, 16), 1, "its one run");
    }

    function createOnce() private returns (uint64) {
        IJobManager.JobParams memory once = params();
        once.trigger = IJobManager.Trigger.OneShot;
        once.triggerData = abi.encode(block.timestamp + 100);
        return create(once, 1 ether);
    }

    function test_earlierVersions_convict() public {
        vm.prank(CREATOR);
        jobs.pause(jobId);
        vm.warp(block.timestamp + NOTICE + jobs.EXPIRY_SECONDS());
        vm.prank(CREATOR);
        jobs.resume(jobId);
        equal(jobs.job(jobId).version, 2, "another version, none of whose runs is due");
        equal(proveRun(3, 16), 1, "of the first one");
    }

    function test_anchorsToCome_areRefused() public {
        ReportLib.Report memory one = report(3, 1);
        ReportLib.Report memory other = report(3, 2);
        (one.anchorNumber, other.anchorNumber) = (1 << 60, 1 << 60);
        IChallenger.Statement memory first = statement(one, none(), 16);
        IChallenger.Statement memory second = statement(other, none(), 16);
        vm.expectRevert(abi.encodeWithSelector(IChallenger.FutureAnchor.selector, 1 << 60));
        challenger.proveEquivocation(1, first, second);
    }

    /* MANY TASKS, ONE FAULT */

    function test_punishments_threeUnderOneEpoch() public {
        for (uint64 run = 0; run < 3; ++run) {
            equal(proveRun(run, 16), 1, "punished");
        }
        equal(allocated(4), 12.5 ether, "an eighth is left");
        (IChallenger.Statement memory one, IChallenger.Statement memory other) = onRun(3, 16);
        refuses(one, other, IChallenger.AlreadyProven.selector);
        equal(proveRun(3, 24), 1, "the other one");
        check(!challenger.isConvicted(operatorOf(4), taskIdOf(one)), "left out");
        equal(allocated(4), 12.5 ether, "nothing more is taken");
        equal(challenger.owed(REPORTER), 4 * REWARD, "nor paid");
    }

    function test_punishments_anewUnderTheNextEpoch() public {
        for (uint64 run = 0; run < 3; ++run) {
            proveRun(run, 16);
        }
        quit(operatorOf(4));
        vm.roll(block.number + allocations.DEALLOCATION_DELAY() + 1);
        registerWith(operatorOf(4), registration(operatorOf(4), secretOf(4), peerKeyOf(4)));
        openEpoch();
        vm.roll(block.number + 5);
        IChallenger.Statement memory one = statementIn(2, report(4, 1), none(), 16);
        IChallenger.Statement memory other = statementIn(2, report(4, 2), none(), 16);
        equal(challenger.proveEquivocation(2, one, other), 1, "again");
        equal(allocated(4), 6.25 ether, "half of the rest");
    }
}
