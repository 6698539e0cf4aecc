// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Counter} from "../src/examples/Counter.sol";
import {IJobForwarder} from "../src/interfaces/IJobForwarder.sol";
import {IJobManager} from "../src/interfaces/IJobManager.sol";
import {FeeOnTransferToken, Token} from "./Targets.sol";
import {World} from "./World.sol";

contract JobManagerTest is World {
    /* CREATION */

    function test_create_keepsWhatWasAsked() public {
        IJobManager.Job memory job = jobs.job(jobId);
        equal(job.owner, CREATOR, "owner");
        equal(job.version, 1, "version");
        check(job.status == IJobManager.Status.Active, "active");
        equal(job.target, address(counter), "target");
        equal(job.callbackGas, 100_000, "callback gas");
        equal(job.fee, FEE, "fee");
        equal(job.escrow, 1 ether, "escrow");
        equal(job.interval, 10, "interval");
        equal(job.codeHash, CODE_HASH, "code hash");
        equal(job.quorumBps, 6667, "quorum");
        equal(job.forwarder, jobs.forwarderOf(jobId), "forwarder");
        check(job.forwarder.code.length != 0, "the forwarder stands");
        bytes memory increment = abi.encodePacked(address(counter), uint32(50_000), Counter.increment.selector);
        vm.prank(address(tasks));
        (bool ok, bytes memory delivered) = job.forwarder.call(increment);
        check(ok && abi.decode(delivered, (bool)), "and obeys the TaskManager");
        (ok, delivered) = job.forwarder.call(increment);
        check(!ok && bytes4(delivered) == IJobForwarder.OnlyTaskManager.selector, "alone");
        equal(counter.counts(job.forwarder), 1, "the target saw it once");
    }

    function test_create_refusals() public {
        IJobManager.JobParams memory p = params();
        p.trigger = IJobManager.Trigger.Log;
        refuses(p, abi.encodeWithSelector(IJobManager.InvalidTrigger.selector));
        p = params();
        p.triggerData = hex"01";
        refuses(p, abi.encodeWithSelector(IJobManager.InvalidTrigger.selector));
        p.triggerData = abi.encode(block.timestamp, 10);
        refuses(p, abi.encodeWithSelector(IJobManager.InvalidTrigger.selector));
        p.triggerData = abi.encode(uint256(1) << 64, 10);
        refuses(p, abi.encodeWithSelector(IJobManager.InvalidTrigger.selector));
        p.triggerData = abi.encode(block.timestamp + 1, 0);
        refuses(p, abi.encodeWithSelector(IJobManager.InvalidInterval.selector));
        p.triggerData = abi.encode(block.timestamp + 1, uint256(1) << 32);
        refuses(p, abi.encodeWithSelector(IJobManager.InvalidInterval.selector));
        p = params();
        p.action = IJobManager.Action.Upkeep;
        refuses(p, abi.encodeWithSelector(IJobManager.InvalidCode.selector));
        p = params();
        p.fee = 0;
        refuses(p, abi.encodeWithSelector(IJobManager.FeeTooLow.selector, 1));
    }

    /* CALLS WITHOUT CODE */

    function test_create_refusesBadCodeAndParams() public {
        IJobManager.JobParams memory p = params();
        p.codeHash = 0;
        refuses(p, abi.encodeWithSelector(IJobManager.InvalidCode.selector));
        p = params();
        p.codeUrl = "";
        refuses(p, abi.encodeWithSelector(IJobManager.InvalidCode.selector));
        p.codeUrl = string(new bytes(513));
        refuses(p, abi.encodeWithSelector(IJobManager.InvalidCode.selector));
        p = params();
        p.params = new bytes(4097);
        refuses(p, abi.encodeWithSelector(IJobManager.ParamsTooLong.selector));
        p.params = new bytes(4096);
        p.codeUrl = string(new bytes(512));
        create(p, 0);
    }

    function test_create_refusesBadTargetsGasAndQuorum() public {
        IJobManager.JobParams memory p = params();
        address[8] memory targets = [
            address(0xbeef),
            address(jobs),
            address(tasks),
            address(registry),
            address(service),
            address(challenger),
            jobs.forwarderOf(jobId),
            jobs.forwarderFor(CREATOR, UNUSED) // its own
        ];
        for (uint256 i = 0; i < targets.length; ++i) {
            p.target = targets[i];
            refuses(p, abi.encodeWithSelector(IJobManager.InvalidTarget.selector, targets[i]));
        }
        p = params();
        p.callbackGas = 0;
        refuses(p, abi.encodeWithSelector(IJobManager.InvalidCallbackGas.selector, 0));
        p.callbackGas = 500_001;
        refuses(p, abi.encodeWithSelector(IJobManager.InvalidCallbackGas.selector, 500_001));
        p = params();
        p.quorumBps = 6666;
        refuses(p, abi.encodeWithSelector(IJobManager.InvalidQuorum.selector, 6666));
        p.quorumBps = 10_001;
        refuses(p, abi.encodeWithSelector(IJobManager.InvalidQuorum.selector, 10_001));
    }

    /* FORWARDERS */

    /// What an address will be is the creator's to know, whoever lists jobs before.
    function test_forwarder_isItsCreatorsAlone() public {
        IJobManager.JobParams memory p = params();
        address promised = jobs.forwarderFor(CREATOR, UNUSED);
        vm.deal(address(0xbad), DEPOSIT);
        vm.prank(address(0xbad));
        uint64 id = jobs.createJob{value: DEPOSIT}(p, 0, UNUSED);
        address theirs = jobs.job(id).forwarder;
        check(theirs != promised, "the same salt of another creator gives another address");
        equal(theirs, jobs.forwarderFor(address(0xbad), UNUSED), "its own");
        equal(promised.code.length, 0, "nobody has taken it");
        vm.startPrank(CREATOR);
        id = jobs.createJob{value: DEPOSIT}(p, 0, UNUSED);
        equal(jobs.job(id).forwarder, promised, "as promised");
        equal(jobs.forwarderOf(id), promised, "by its id too");
        check(promised.code.length != 0, "and it stands");
        vm.expectRevert(abi.encodeWithSelector(IJobManager.SaltTaken.selector, promised));
        jobs.createJob(p, 0, UNUSED);
        jobs.createJob{value: DEPOSIT}(p, 0, bytes32(uint256(UNUSED) + 1));
        vm.stopPrank();
    }

    /// 88 bits, and nothing of the word's other parts.
    function test_forwarder_followsFromTheSalt() public {
        bytes32 salt = bytes32(uint256(uint88(uint256(keccak256(abi.encode(CREATOR, UNUSED))))));
        bytes32 hash = keccak256(abi.encodePacked(bytes1(0xff), address(jobs), salt, jobs.forwarderCodeHash()));
        equal(jobs.forwarderFor(CREATOR, UNUSED), address(uint160(uint256(hash))), "CREATE2");
    }

    /* MONEY */

    function test_fund_addsToTheEscrow() public {
        vm.deal(address(this), 2 ether);
        jobs.fund{value: 2 ether}(jobId, 2 ether);
        equal(jobs.job(jobId).escrow, 3 ether, "escrow");
        vm.deal(address(this), 1 ether);
        vm.expectRevert(IJobManager.WrongValue.selector);
        jobs.fund{value: 1 ether}(jobId, 2 ether);
        vm.expectRevert(abi.encodeWithSelector(IJobManager.UnknownJob.selector, 99));
        jobs.fund(99, 0);
        vm.prank(CREATOR);
        jobs.cancel(jobId);
        vm.expectRevert(abi.encodeWithSelector(IJobManager.WrongStatus.selector, IJobManager.Status.Cancelled));
        jobs.fund{value: 1 ether}(jobId, 1 ether);
    }

    function test_fund_tokens() public {
        Token token = new Token();
        jobs.setLeastFee(address(token), 1);
        token.mint(CREATOR, 100 ether);
        vm.prank(CREATOR);
        token.approve(address(jobs), 100 ether);
        IJobManager.JobParams memory p = params();
        p.token = address(token);
        uint64 id = create(p, 40 ether);
        equal(jobs.job(id).escrow, 40 ether, "escrow");
        equal(token.balanceOf(address(jobs)), 40 ether, "held");
        vm.deal(CREATOR, 1 ether);
        vm.prank(CREATOR);
        jobs.fund{value: 1}(id, 2);
        equal(jobs.job(id).escrow, 40 ether + 2, "what comes in the token is for fees");
        equal(jobs.job(id).gas, GAS_FUND + 1, "what comes in coin is for gas");
    }

    /// A token that keeps a part of every transfer would leave escrow uncovered.
    function test_fund_refusesTokensThatDeliverLess() public {
        FeeOnTransferToken token = new FeeOnTransferToken();
        jobs.setLeastFee(address(token), 1);
        token.mint(CREATOR, 100 ether);
        vm.prank(CREATOR);
        token.approve(address(jobs), 100 ether);
        IJobManager.JobParams memory p = params();
        p.token = address(token);
        vm.expectRevert(abi.encodeWithSelector(IJobManager.TokenTakesFees.selector, 40 ether, 39.6 ether));
        this.createAs(p, 40 ether);
    }

    function test_withdraw_afterTheNotice() public {
        vm.startPrank(CREATOR);
        vm.expectRevert(IJobManager.NothingRequested.selector);
        jobs.withdraw(jobId, CREATOR);
        vm.expectRevert(IJobManager.InsufficientEscrow.selector);
        jobs.requestWithdrawal(jobId, 1 ether + 1, 0);
        jobs.requestWithdrawal(jobId, 0.4 ether, 0);
        uint64 availableAt = uint64(block.timestamp + 1 hours);
        (uint256 amount,, uint64 from) = jobs.withdrawal(jobId);
        equal(amount, 0.4 ether, "noted");
        equal(from, availableAt, "noted");
        vm.warp(availableAt - 1);
        vm.expectRevert(abi.encodeWithSelector(IJobManager.TooEarly.selector, availableAt));
        jobs.withdraw(jobId, address(0xcafe));
        vm.warp(availableAt);
        vm.expectRevert(IJobManager.ZeroRecipient.selector);
        jobs.withdraw(jobId, address(0));
        jobs.withdraw(jobId, address(0xcafe));
        equal(address(0xcafe).balance, 0.4 ether, "paid out");
        equal(jobs.job(jobId).escrow, 0.6 ether, "left");
        vm.expectRevert(IJobManager.NothingRequested.selector);
        jobs.withdraw(jobId, CREATOR);
        vm.stopPrank();
    }

    /// A withdrawal kept for later would be made in the moment in which a run is certified, so that it goes unpaid.
    function test_withdraw_lapsesAfterADay() public {
        vm.startPrank(CREATOR);
        jobs.requestWithdrawal(jobId, 1 ether, 0);
        (,, uint64 availableAt) = jobs.withdrawal(jobId);
        vm.warp(availableAt + 1 days + 1);
        vm.expectRevert(IJobManager.WithdrawalLapsed.selector);
        jobs.withdraw(jobId, CREATOR);
        vm.stopPrank();
        uint64 run = uint64((block.timestamp - jobs.job(jobId).start) / 10) - 300;
        equal(settleRun(jobId, run, ALL), 1, "runs go on, and are paid");
        vm.startPrank(CREATOR);
        jobs.requestWithdrawal(jobId, 0.5 ether, 0);
        vm.warp(block.timestamp + 1 hours + 1 days);
        jobs.withdraw(jobId, address(0xcafe));
        vm.stopPrank();
        equal(address(0xcafe).balance, 0.5 ether, "announced anew, in its last second");
    }

    /// Tasks settled between request and withdrawal come first.
    function test_withdraw_takesNoMoreThanIsLeft() public {
        vm.prank(CREATOR);
        jobs.requestWithdrawal(jobId, 1 ether, 0);
        settleRun(jobId, 0, ALL);
        vm.warp(block.timestamp + 1 hours);
        vm.prank(CREATOR);
        jobs.withdraw(jobId, CREATOR);
        equal(jobs.job(jobId).escrow, 0, "nothing left");
        equal(address(jobs).balance, FEE + DEPOSIT, "the keepers' fee and the deposit are still there");
    }

    /// A cancelled job's last tasks can still be paid: its money stays until the last one has expired.
    function test_withdraw_waitsForTheLastTaskOfACancelledJob() public {
        vm.startPrank(CREATOR);
        jobs.cancel(jobId);
        jobs.requestWithdrawal(jobId, 1 ether, 0);
        (,, uint64 availableAt) = jobs.withdrawal(jobId);
        equal(availableAt, block.timestamp + NOTICE + 1 hours, "until the last task has expired");
        vm.stopPrank();
    }

    /* LIFE */

    function test_pause_thenResumeAsNewVersion() public {
        vm.startPrank(CREATOR);
        jobs.pause(jobId);
        IJobManager.Job memory job = jobs.job(jobId);
        equal(job.inactiveFrom, block.timestamp + NOTICE, "takes effect after the notice");
        check(job.status == IJobManager.Status.Paused, "paused");
        vm.expectRevert(abi.encodeWithSelector(IJobManager.WrongStatus.selector, IJobManager.Status.Paused));
        jobs.pause(jobId);
        uint64 resumableAt = job.inactiveFrom + 1 hours;
        vm.expectRevert(abi.encodeWithSelector(IJobManager.TooEarly.selector, resumableAt));
        jobs.resume(jobId);
        vm.warp(resumableAt);
        uint64 oldStart = job.start;
        jobs.resume(jobId);
        job = jobs.job(jobId);
        equal(job.version, 2, "new version");
        equal(job.inactiveFrom, 0, "active without end");
        check(job.start >= block.timestamp + NOTICE, "first run lies a notice period ahead");
        check(job.start < block.timestamp + NOTICE + job.interval, "and no more than an interval later");
        equal((job.start - oldStart) % job.interval, 0, "in the old rhythm");
        vm.expectRevert(abi.encodeWithSelector(IJobManager.WrongStatus.selector, IJobManager.Status.Active));
        jobs.resume(jobId);
        vm.stopPrank();
    }

    /// A job resumed before its first run was ever due keeps that moment.
    function test_resume_keepsAStartThatLiesAhead() public {
        IJobManager.JobParams memory p = params();
        uint64 start = uint64(block.timestamp + 100_000);
        p.triggerData = abi.encode(start, 7);
        uint64 id = create(p, 0);
        vm.startPrank(CREATOR);
        jobs.pause(id);
        vm.warp(block.timestamp + NOTICE + 1 hours);
        jobs.resume(id);
        vm.stopPrank();
        equal(jobs.job(id).start, start, "start");
    }

    function test_cancel_isForGood() public {
        vm.startPrank(CREATOR);
        jobs.pause(jobId);
        uint64 inactiveFrom = jobs.job(jobId).inactiveFrom;
        vm.warp(block.timestamp + 5);
        jobs.cancel(jobId);
        equal(jobs.job(jobId).inactiveFrom, inactiveFrom, "cancelling does not prolong a pause");
        bytes memory wrong = abi.encodeWithSelector(IJobManager.WrongStatus.selector, IJobManager.Status.Cancelled);
        vm.expectRevert(wrong);
        jobs.resume(jobId);
        vm.expectRevert(wrong);
        jobs.cancel(jobId);
        vm.stopPrank();
    }

    function test_onlyTheOwner() public {
        bytes[] memory calls = new bytes[](5);
        calls[0] = abi.encodeCall(jobs.pause, (jobId));
        calls[1] = abi.encodeCall(jobs.resume, (jobId));
        calls[2] = abi.encodeCall(jobs.cancel, (jobId));
        calls[3] = abi.encodeCall(jobs.requestWithdrawal, (jobId, 1, 0));
        calls[4] = abi.encodeCall(jobs.withdraw, (jobId, address(this)));
        for (uint256 i = 0; i < calls.length; ++i) {
            (bool ok, bytes memory answer) = address(jobs).call(calls[i]);
            check(!ok && bytes4(answer) == IJobManager.NotOwner.selector, "refused");
        }
        vm.expectRevert(abi.encodeWithSelector(IJobManager.UnknownJob.selector, 99));
        jobs.pause(99);
    }

    function test_onlyTheTaskManager() public {
        vm.expectRevert(IJobManager.OnlyTaskManager.selector);
        jobs.settle(IJobManager.Certified(1, 1, 1, 0, address(this), 0, 0), new bytes(96));
        vm.expectRevert(IJobManager.OnlyTaskManager.selector);
        jobs.conclude(address(this), new bytes(32), 0, 0, 0);
    }

    /* HELP */

    function refuses(IJobManager.JobParams memory p, bytes memory reason) private {
        vm.prank(CREATOR);
        vm.expectRevert(reason);
        jobs.createJob(p, 0, UNUSED);
    }

    function createAs(IJobManager.JobParams calldata p, uint256 funding) external {
        create(p, funding);
    }
}
