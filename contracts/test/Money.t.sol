// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IJobManager} from "../src/interfaces/IJobManager.sol";
import {ITaskManager} from "../src/interfaces/ITaskManager.sol";
import {Reverting, Token} from "./Targets.sol";
import {World} from "./World.sol";

// given an operator submits          it is refunded, metered, out of the job's escrow
// given anybody else submits         nothing is refunded
// given the job pays in a token      it is refunded out of what the job has set aside for gas, in coin
// given a punctuality term           when missed, half; when kept, all
// given a run due over an hour ago   it has expired, at no cost
// given callbacks that fail          the eighth in a row pauses the job; one that succeeds starts the count anew
// (what a job must have for its next run: Cover.t.sol)
// given a paused job                 when nothing can settle any more, new terms under a new version
// given 200 tasks in coin and token  after all claims and withdrawals nothing is left
contract MoneyTest is World {
    uint256 private constant GAS_PRICE = 1.01 gwei; // base fee and tip

    function priced() private {
        vm.fee(1 gwei);
        vm.txGasPrice(50 gwei);
    }

    function settleAs(address submitter, Entry memory entry) private returns (uint256 settled) {
        ITaskManager.Anchor[] memory anchors = recentAnchors();
        ITaskManager.Certificate memory certificate = certify(anchors, one(entry), ALL);
        vm.prank(submitter, submitter);
        settled = tasks.settle(certificate, batchOf(anchors, one(entry), new bytes32[](0)));
    }

    function epochs(uint32 last) private pure returns (uint32[] memory list) {
        list = new uint32[](last);
        for (uint32 i = 0; i < last; ++i) {
            list[i] = i + 1;
        }
    }

    function tokenJob() private returns (Token token, uint64 id) {
        token = new Token();
        jobs.setLeastFee(address(token), 1);
        token.mint(CREATOR, 10 ether);
        vm.prank(CREATOR);
        token.approve(address(jobs), 10 ether);
        IJobManager.JobParams memory p = params();
        p.token = address(token);
        p.triggerData = abi.encode(block.timestamp + 1, 10);
        id = create(p, 10 ether);
    }

    /* REFUNDS */

    /// What the entry's transaction costs, its calldata at 16 a byte: more than it does cost; and what comes back of it.
    function spentAs(address submitter, Entry memory entry) private returns (uint256 spent, uint256 back) {
        ITaskManager.Anchor[] memory anchors = recentAnchors();
        ITaskManager.Certificate memory certificate = certify(anchors, one(entry), ALL);
        ITaskManager.Batch memory batch = batchOf(anchors, one(entry), new bytes32[](0));
        uint256 before = jobs.refunds(submitter);
        vm.cool(address(tasks)); // as in a transaction of its own
        vm.prank(submitter, submitter);
        uint256 gas = gasleft();
        equal(tasks.settle(certificate, batch), 1, "settled");
        gas -= gasleft();
        spent = 21_000 + 16 * abi.encodeCall(tasks.settle, (certificate, batch)).length + gas;
        back = jobs.refunds(submitter) - before;
    }

    function test_refund_isMeteredAndPaidByTheJob() public {
        priced();
        (uint256 spent, uint256 refund) = spentAs(operatorOf(2), callEntry(jobId, 0));
        check(refund <= GAS_PRICE * spent, "no more than it cost");
        check(refund >= GAS_PRICE * spent * 3 / 5, "and most of it");
        equal(jobs.job(jobId).escrow, 1 ether - FEE - refund, "the job paid fee and gas, no more");
        uint256 owed = jobs.owed(operatorOf(2), address(0), epochs(1));
        vm.prank(operatorOf(2));
        equal(jobs.claim(address(0), epochs(1), address(0xcafe)), owed + refund, "claimed with the earnings");
        equal(jobs.refunds(operatorOf(2)), 0, "once");
    }

    function test_refund_neverExceedsTheGasPrice() public {
        vm.fee(1 gwei);
        vm.txGasPrice(1 gwei);
        (uint256 spent, uint256 refund) = spentAs(operatorOf(2), callEntry(jobId, 0));
        check(refund <= 1 gwei * spent, "no tip was paid");
        check(refund >= 1 gwei * spent * 3 / 5, "but the base fee");
    }

    /// Whoever was ejected earns nothing more by settling, nor does who has left, whatever it had coming before.
    function test_refund_notToThoseWhoAreOut() public {
        priced();
        (, uint256 refund) = spentAs(operatorOf(4), callEntry(jobId, 0));
        check(refund != 0, "while it is in");
        vm.prank(address(service));
        registry.eject(operatorOf(4));
        settleAs(operatorOf(4), callEntry(jobId, 1));
        equal(jobs.refunds(operatorOf(4)), refund, "ejected");
        quit(operatorOf(3));
        settleAs(operatorOf(3), callEntry(jobId, 2));
        equal(jobs.refunds(operatorOf(3)), 0, "left");
        check(jobs.job(jobId).escrow >= 1 ether - 3 * uint256(FEE) - refund, "nor does the job pay");
    }

    /// One task settles, the others cost gas all the same: it pays what they cost together, up to a bound.
    function test_refund_isPartedAmongWhatSettles() public {
        priced();
        uint64 poor = create(params(), 1);
        vm.warp(block.timestamp + 200);
        Entry[] memory entries = new Entry[](8);
        for (uint64 i = 0; i < 8; ++i) {
            entries[i] = callEntry(i == 7 ? jobId : poor, i);
            entries[i].status = 1;
        }
        ITaskManager.Anchor[] memory anchors = recentAnchors();
        ITaskManager.Certificate memory certificate = certify(anchors, entries, ALL);
        ITaskManager.Batch memory batch = batchOf(anchors, entries, new bytes32[](0));
        vm.prank(operatorOf(2), operatorOf(2));
        uint256 gas = gasleft();
        equal(tasks.settle(certificate, batch), 1, "one");
        gas -= gasleft();
        uint256 refund = jobs.refunds(operatorOf(2));
        check(refund >= GAS_PRICE * gas * 3 / 5, "what all of them have in common");
        equal(jobs.job(jobId).escrow, 1 ether - FEE / 4 - refund, "out of one job");
        equal(jobs.job(poor).escrow, 1, "none out of the others");
    }

    function test_refund_onlyToOperators() public {
        priced();
        settleAs(address(0xbad), callEntry(jobId, 0));
        equal(jobs.refunds(address(0xbad)), 0, "no operator");
        equal(jobs.job(jobId).escrow, 1 ether - FEE, "only the fee");
    }

    /// The audit's free relay: half a million gas a run for a token of one's own, and the submitter paid for it.
    function test_refund_ofTokenJobsComesInCoin() public {
        priced();
        (, uint64 id) = tokenJob();
        vm.warp(block.timestamp + 5);
        (uint256 spent, uint256 refund) = spentAs(operatorOf(2), callEntry(id, 0));
        check(refund <= GAS_PRICE * spent, "no more than it cost");
        check(refund >= GAS_PRICE * spent * 3 / 5, "and most of it");
        equal(jobs.job(id).escrow, 10 ether - FEE, "the fee is paid in the token");
        equal(jobs.job(id).gas, GAS_FUND - refund, "gas in coin");
        vm.prank(operatorOf(2));
        equal(jobs.claim(address(0), epochs(1), address(0xcafe)), refund, "claimed in coin");
    }

    /* PUNCTUALITY AND EXPIRY */

    function test_punctuality() public {
        IJobManager.JobParams memory p = params();
        p.punctualSeconds = 30;
        p.triggerData = abi.encode(block.timestamp + 1, 10);
        uint64 id = create(p, 1 ether);
        uint256 start = block.timestamp + 1;
        vm.warp(start + 30);
        settleRun(id, 0, ALL);
        equal(jobs.job(id).escrow, 1 ether - FEE, "just in time");
        vm.warp(start + 41);
        settleRun(id, 1, ALL);
        equal(jobs.job(id).escrow, 1 ether - FEE - FEE / 2, "a second too late");
    }

    function test_expiry() public {
        IJobManager.JobParams memory p = params();
        p.triggerData = abi.encode(block.timestamp + 1, 10);
        uint64 id = create(p, 1 ether);
        vm.warp(block.timestamp + 1 + 1 hours);
        equal(settleRun(id, 0, ALL), 1, "an hour is allowed");
        vm.warp(block.timestamp + 11);
        vm.recordLogs();
        equal(settleRun(id, 1, ALL), 0, "no more");
        check(ineligible()[0] == ITaskManager.Ineligible.Expired, "expired");
        equal(jobs.job(id).escrow, 1 ether - FEE, "at no cost");
    }

    /* CIRCUIT BREAKER AND LOW BALANCE */

    function test_circuitBreaker() public {
        IJobManager.JobParams memory p = params();
        p.target = address(new Reverting());
        p.triggerData = abi.encode(block.timestamp + 1, 1);
        uint64 id = create(p, 1 ether);
        vm.warp(block.timestamp + 30);
        for (uint64 run = 0; run < 7; ++run) {
            vm.warp(block.timestamp + 1);
            settleRun(id, run, ALL);
        }
        equal(jobs.job(id).failures, 7, "counted");
        check(jobs.job(id).status == IJobManager.Status.Active, "still active");
        settleRun(id, 30, ALL);
        equal(jobs.job(id).failures, 7, "one failure a block");
        vm.warp(block.timestamp + 1);
        vm.recordLogs();
        settleRun(id, 7, ALL);
        equal(logged(IJobManager.CircuitBroken.selector).length, 1, "told");
        check(jobs.job(id).status == IJobManager.Status.Paused, "paused");
        equal(jobs.job(id).inactiveFrom, block.timestamp, "at once");
        vm.warp(block.timestamp + 10);
        equal(settleRun(id, 40, ALL), 0, "what is due later does not run");
        equal(settleRun(id, 8, ALL), 1, "what was due does");
    }

    function test_circuitBreaker_successStartsAnew() public {
        bytes memory code = address(counter).code;
        vm.etch(address(counter), address(new Reverting()).code);
        for (uint64 run = 0; run < 7; ++run) {
            vm.warp(block.timestamp + 1);
            settleRun(jobId, run, ALL);
        }
        equal(jobs.job(jobId).failures, 7, "counted");
        vm.etch(address(counter), code);
        settleRun(jobId, 7, ALL);
        equal(jobs.job(jobId).failures, 0, "forgotten");
    }

    /* NEW TERMS */

    function test_update() public {
        vm.startPrank(CREATOR);
        IJobManager.JobParams memory p = params();
        vm.expectRevert(abi.encodeWithSelector(IJobManager.WrongStatus.selector, IJobManager.Status.Active));
        jobs.update(jobId, p);
        jobs.pause(jobId);
        uint64 closedAt = jobs.job(jobId).inactiveFrom + 1 hours;
        vm.expectRevert(abi.encodeWithSelector(IJobManager.TooEarly.selector, closedAt));
        jobs.update(jobId, p);
        vm.warp(closedAt);
        p = params();
        p.fee = 2 * FEE;
        p.token = address(1);
        vm.expectRevert(abi.encodeWithSelector(IJobManager.TokenFixed.selector, address(0)));
        jobs.update(jobId, p);
        p.token = address(0);
        p.triggerData = abi.encode(block.timestamp + 1, 10);
        vm.expectRevert(abi.encodeWithSelector(IJobManager.TooEarly.selector, block.timestamp + NOTICE));
        jobs.update(jobId, p);
        p.triggerData = abi.encode(block.timestamp + 50, 10);
        jobs.update(jobId, p);
        vm.stopPrank();
        equal(jobs.job(jobId).version, 2, "new version");
        vm.warp(block.timestamp + 60);
        vm.recordLogs();
        Entry memory entry = callEntry(jobId, 0);
        entry.jobVersion = 2;
        equal(settle(one(entry), ALL), 1, "run 0 anew");
        equal(jobs.job(jobId).escrow, 1 ether - 2 * uint256(FEE), "at the new fee");
        check(tasks.isSettled(jobId, 1, bytes32(uint256(5))), "the old version's runs are closed");
    }

    /* TO THE LAST WEI */

    function test_nothingIsLeftOver() public {
        priced();
        (Token token, uint64 id) = tokenJob();
        vm.warp(block.timestamp + 1000);
        for (uint64 run = 0; run < 100; ++run) {
            address submitter = operatorOf(run % 5);
            equal(settleAs(submitter, callEntry(jobId, run)), 1, "coin");
            uint256 signers = run % 3 == 0 ? ALL : ALL ^ (1 << (run % 5));
            equal(settle(one(callEntry(id, run)), signers), 1, "token");
        }
        allocate(operatorOf(0), 5e17);
        registry.snapshot();
        vm.roll(block.number + 257);
        address[2] memory currencies = [address(0), address(token)];
        vm.startPrank(CREATOR);
        (uint64[2] memory both) = [jobId, id];
        for (uint256 i = 0; i < 2; ++i) {
            jobs.cancel(both[i]);
            jobs.requestWithdrawal(both[i], jobs.job(both[i]).escrow, jobs.job(both[i]).gas);
        }
        vm.warp(block.timestamp + NOTICE + 1 hours);
        for (uint256 i = 0; i < 2; ++i) {
            jobs.withdraw(both[i], CREATOR);
        }
        vm.stopPrank();
        for (uint256 i = 0; i < 2; ++i) {
            jobs.closeEpoch(1, currencies[i]);
            jobs.claimProtocol(currencies[i], address(0xcafe));
            for (uint256 k = 0; k < KEEPERS; ++k) {
                vm.prank(operatorOf(k));
                jobs.claim(currencies[i], epochs(1), operatorOf(k));
            }
        }
        equal(address(jobs).balance, 0, "no coin is left");
        equal(token.balanceOf(address(jobs)), 0, "no token is left");
        equal(address(tasks).balance, 0, "none elsewhere");
    }

    function test_claimProtocol_onlyTheOwner() public {
        vm.prank(CREATOR);
        vm.expectRevert();
        jobs.claimProtocol(address(0), CREATOR);
        vm.expectRevert(IJobManager.NothingOwed.selector);
        jobs.claimProtocol(address(0), address(this));
    }
}
