// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IJobForwarder} from "../src/interfaces/IJobForwarder.sol";
import {IJobManager} from "../src/interfaces/IJobManager.sol";
import {ITaskManager} from "../src/interfaces/ITaskManager.sol";
import {IAllocationManager} from "../src/interfaces/IAllocationManager.sol";
import {Bomb, Burning, Pool, Reentering, ReenteringOperator, Reverting, SelfDestructing} from "./Targets.sol";
import {World} from "./World.sol";

/// @notice Targets and operators that mean harm.
contract HostileTest is World {
    function jobFor(address target) private returns (uint64 id) {
        IJobManager.JobParams memory p = params();
        p.target = target;
        id = create(p, 1 ether);
        vm.warp(block.timestamp + 1000);
    }

    /// Settles a good job's task beside the hostile one's; both settle, only the good one is delivered.
    function beside(uint64 hostile) private returns (uint256 gas) {
        Entry[] memory entries = new Entry[](2);
        (entries[0], entries[1]) = (callEntry(hostile, 0), callEntry(jobId, 0));
        ITaskManager.Anchor[] memory anchors = recentAnchors();
        ITaskManager.Certificate memory certificate = certify(anchors, entries, ALL);
        vm.recordLogs();
        equal(send(certificate, batchOf(anchors, entries, new bytes32[](0))), 2, "both settle");
        gas = vm.lastCallGas().gasTotalUsed;
        bytes[] memory events = logged(ITaskManager.TaskSettled.selector);
        check(!deliveredOf(events[0]) && deliveredOf(events[1]), "only the good one is delivered");
        equal(counter.counts(jobs.forwarderOf(jobId)), 1, "the good target was called");
    }

    function test_target_thatReverts() public {
        beside(jobFor(address(new Reverting())));
    }

    function test_target_thatBurnsAllItsGas() public {
        uint256 gas = beside(jobFor(address(new Burning())));
        check(gas < 600_000, "no more than the job's callback gas is lost");
    }

    /// 300 kB of return data would cost the caller 200,000 gas and more to copy.
    function test_target_thatReturnsABomb() public {
        uint64 id = jobFor(address(new Bomb()));
        Entry[] memory entries = one(callEntry(id, 0));
        ITaskManager.Anchor[] memory anchors = recentAnchors();
        ITaskManager.Certificate memory certificate = certify(anchors, entries, ALL);
        send(certificate, batchOf(anchors, entries, new bytes32[](0)));
        check(vm.lastCallGas().gasTotalUsed < 450_000, "its data is not copied");
    }

    function test_target_whoseCodeIsGone() public {
        Reverting target = new Reverting();
        uint64 id = jobFor(address(target));
        vm.etch(address(target), "");
        beside(id);
    }

    /// The coin of one that destroys itself goes where it likes: in the JobManager it is nobody's.
    function test_target_thatDestroysItself() public {
        vm.deal(address(this), 1 ether);
        uint64 id = jobFor(address(new SelfDestructing{value: 1 ether}(payable(address(jobs)))));
        uint256 held = address(jobs).balance;
        Entry[] memory entries = new Entry[](2);
        (entries[0], entries[1]) = (callEntry(id, 0), callEntry(jobId, 0));
        equal(settle(entries, ALL), 2, "both settle");
        equal(address(jobs).balance, held + 1 ether, "it did");
        equal(jobs.job(id).escrow, 1 ether - FEE, "the books are as after any task");
        equal(jobs.job(jobId).escrow, 1 ether - FEE, "the other job's too");
        equal(counter.counts(jobs.forwarderOf(jobId)), 1, "the good target was called");
        equal(settleRun(id, 1, ALL), 1, "the next run settles");
    }

    /// EigenLayer's contract is not ours and may be a target: a forwarder has no rights there.
    function test_target_thatIsTheAllocationManager() public {
        uint64 id = jobFor(address(allocations));
        Entry memory entry = callEntry(id, 0);
        entry.outcome = abi.encodeCall(
            allocations.deregisterFromOperatorSets,
            (IAllocationManager.DeregisterParams(operatorOf(0), address(service), new uint32[](1)))
        );
        vm.recordLogs();
        equal(settle(one(entry), ALL), 1, "it settles");
        check(!deliveredOf(logged(ITaskManager.TaskSettled.selector)[0]), "and is refused there");
        check(registry.operatorInfo(operatorOf(0)).registered, "nobody was thrown out");
    }

    function test_target_thatComesBack() public {
        Reentering target = new Reentering(tasks, jobs);
        vm.deal(address(this), 1 ether);
        IJobManager.JobParams memory p = params();
        p.target = address(target);
        p.callbackGas = 500_000;
        target.create{value: 1 ether}(p);
        uint64 id = jobs.jobCount();
        vm.warp(block.timestamp + 1000);
        ITaskManager.Anchor[] memory anchors = recentAnchors();
        Entry[] memory next = one(callEntry(id, 1));
        next[0].status = 1; // without a call, so that the gas at hand would do for it
        target.prepare(
            abi.encodeCall(tasks.settle, (certify(anchors, next, ALL), batchOf(anchors, next, new bytes32[](0))))
        );
        equal(settleRun(id, 0, ALL), 1, "settled once");
        check(target.settleRefused() && target.claimRefused(), "neither settle nor claim from within");
        check(target.requested(), "an owner's own business goes on");
        equal(jobs.job(id).escrow, 1 ether - DEPOSIT - FEE, "one fee");
        equal(settle(next, ALL), 1, "the next run settles from outside");
    }

    /// EIP-150 hands on at most 63/64: with too little gas the call reverts, instead of starving the target and being paid.
    function test_submitter_cannotStarveTheTarget() public {
        ITaskManager.Anchor[] memory anchors = recentAnchors();
        Entry[] memory entries = one(callEntry(jobId, 0));
        ITaskManager.Certificate memory certificate = certify(anchors, entries, ALL);
        bytes memory data = abi.encodeCall(tasks.settle, (certificate, batchOf(anchors, entries, new bytes32[](0))));
        bool named = false;
        uint256 delivered = 0;
        for (uint256 gas = 150_000; gas < 500_000; gas += 2_500) {
            vm.prank(STRANGER, STRANGER);
            (bool ok, bytes memory answer) = address(tasks).call{gas: gas}(data);
            if (!ok) {
                if (answer.length == 4) named = named || bytes4(answer) == IJobForwarder.InsufficientGas.selector;
                check(!tasks.isSettled(jobId, 1, 0), "a failed call settles nothing");
                continue;
            }
            delivered = counter.counts(jobs.forwarderOf(jobId));
            break;
        }
        equal(delivered, 1, "the first call that passes also delivers");
        check(named, "and the reason was named before");
    }

    function test_operator_thatComesBackWhenPaid() public {
        ReenteringOperator operator = new ReenteringOperator(jobs);
        allocate(address(operator), 1e18);
        registerWith(address(operator), registration(address(operator), secretOf(5), peerKeyOf(5)));
        registry.snapshot();
        vm.roll(block.number + 5);
        settleRun(jobId, 0, 63);
        uint32[] memory epochs = new uint32[](1);
        epochs[0] = 2;
        uint256 owed = jobs.owed(address(operator), address(0), epochs);
        check(owed != 0, "it earned something");
        vm.prank(address(operator));
        jobs.claim(address(0), epochs, address(operator));
        equal(operator.payments(), 1, "paid once");
        check(!operator.again(), "no second claim from within");
        equal(address(operator).balance, owed, "exactly what was owed");
    }

    /// Whoever calls from within a loan holds the lock that the target needs: the run would be charged, and fail.
    function test_submitter_cannotChooseTheStateOfTheWorld() public {
        Pool pool = new Pool();
        IJobManager.JobParams memory p = params();
        p.target = address(pool);
        uint64 id = create(p, 1 ether);
        vm.warp(block.timestamp + 1000);
        Entry[] memory entries = one(callEntry(id, 0));
        entries[0].outcome = abi.encodeCall(Pool.upkeep, ());
        ITaskManager.Anchor[] memory anchors = recentAnchors();
        ITaskManager.Certificate memory certificate = certify(anchors, entries, ALL);
        ITaskManager.Batch memory batch = batchOf(anchors, entries, new bytes32[](0));
        vm.prank(STRANGER, STRANGER);
        vm.expectRevert(ITaskManager.OnlyPlainAccount.selector);
        pool.lend(address(tasks), abi.encodeCall(tasks.settle, (certificate, batch)));
        // an account that has lent itself a code is no better (EIP-7702)
        address lent = address(0x7702);
        vm.etch(lent, abi.encodePacked(hex"ef0100", address(pool)));
        vm.prank(lent, lent);
        vm.expectRevert(ITaskManager.OnlyPlainAccount.selector);
        tasks.settle(certificate, batch);
        equal(jobs.job(id).escrow, 1 ether, "nothing is charged");
        equal(send(certificate, batch), 1, "a plain account settles it");
        equal(pool.upkeeps(), 1, "and it is delivered");
    }

    /// Contracts settle what calls nobody.
    function test_submitter_mayBeAContractWithoutCalls() public {
        Entry[] memory entries = one(callEntry(jobId, 0));
        entries[0].status = 1;
        ITaskManager.Anchor[] memory anchors = recentAnchors();
        ITaskManager.Certificate memory certificate = certify(anchors, entries, ALL);
        equal(tasks.settle(certificate, batchOf(anchors, entries, new bytes32[](0))), 1, "settled");
    }

    /// Failures of one moment may have one cause.
    function test_callback_failuresOfABlockCountOnce() public {
        vm.etch(address(counter), address(new Reverting()).code);
        Entry[] memory entries = new Entry[](8);
        for (uint64 i = 0; i < 8; ++i) {
            entries[i] = callEntry(jobId, i);
        }
        equal(settle(entries, ALL), 8, "all of them fail");
        equal(jobs.job(jobId).failures, 1, "once");
        check(jobs.job(jobId).status == IJobManager.Status.Active, "the job goes on");
    }
}
