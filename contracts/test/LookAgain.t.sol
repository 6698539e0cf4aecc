// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IJobManager} from "../src/interfaces/IJobManager.sol";
import {ITaskManager} from "../src/interfaces/ITaskManager.sol";
import {FalseToken} from "./Targets.sol";
import {World} from "./World.sol";

// A run whose job cannot pay for it at present
//   brought beside others                       costs its job what bringing it cost, as far as there is money; the others nothing
//   given a job without any money               the same, but for that
// Looking again (see Desk)
//   when the base fee has come down             the mark comes back: an operator gets its gas back, out of the job; nobody else does
//   as long as there is too little for both     refused, at no cost
//   given a job that can pay, is paused or over refused
//   when the base fee has risen                 the mark goes, and what that costs is the job's, as far as there is money
// At the edge, where what a callback leaves is enough     one word, and it is the right one
contract LookAgainTest is World {
    uint256 private constant PRICE = 10.01 gwei; // base fee and tip
    uint256 private constant LOOK_GAS = 45_000;

    FalseToken private token;

    function setUp() public override {
        super.setUp();
        token = new FalseToken();
        token.mint(CREATOR, 100 ether);
        vm.prank(CREATOR);
        token.approve(address(jobs), 100 ether);
        jobs.setLeastFee(address(token), 1);
        vm.fee(10 gwei);
        vm.txGasPrice(PRICE);
    }

    function most(uint256 price) private view returns (uint256) {
        (uint256 fee, uint256 gas) = jobs.mostCost(jobId, price);
        return fee + gas;
    }

    function inToken() private view returns (IJobManager.JobParams memory p) {
        p = params();
        (p.token, p.fee) = (address(token), FEE);
    }

    function spike(uint256 gwei_) private {
        vm.fee(gwei_ * 1 gwei);
        vm.txGasPrice(gwei_ * 1 gwei + TIP);
    }

    function settleAll(Entry[] memory entries) private returns (uint256) {
        ITaskManager.Anchor[] memory anchors = recentAnchors();
        ITaskManager.Certificate memory certificate = certify(anchors, entries, ALL);
        vm.prank(operatorOf(1), operatorOf(1));
        return tasks.settle(certificate, batchOf(anchors, entries, new bytes32[](0)));
    }

    function two(uint64 first, uint64 second, uint64 run) private view returns (Entry[] memory entries) {
        entries = new Entry[](2);
        (entries[0], entries[1]) = (callEntry(first, run), callEntry(second, run));
    }

    function settleAs(address submitter, Entry memory entry) private returns (uint256) {
        ITaskManager.Anchor[] memory anchors = recentAnchors();
        ITaskManager.Certificate memory certificate = certify(anchors, one(entry), ALL);
        vm.prank(submitter, submitter);
        return tasks.settle(certificate, batchOf(anchors, one(entry), new bytes32[](0)));
    }

    /// What one task costs by itself, whose job another one of the test has read before, or none.
    function isTaskGas(uint256 taken, uint256 price) private pure returns (bool) {
        return taken == 3_235 * price || taken == 10_000 * price;
    }

    /// The same of a job that pays in a token: no ledger of it is written.
    function isTokenTaskGas(uint256 taken, uint256 price) private pure returns (bool) {
        return isTaskGas(taken - 900 * price, price) || isTaskGas(taken - 6_300 * price, price);
    }

    function said(uint256 count) private returns (bool last) {
        bytes[] memory found = logged(IJobManager.JobCovered.selector);
        equal(found.length, count, "words of it");
        if (count != 0) last = abi.decode(found[count - 1], (bool));
    }

    /* REFUSED FOR WANT OF MONEY */

    /// A rise of the base fee had the honest jobs of a batch pay for one that could not, and its submitter for a batch of none.
    function test_refused_paysForItself() public {
        uint64 rich = create(params(), 100 ether);
        uint64 poor = create(params(), most(PRICE));
        uint64 alone = create(params(), 100 ether);
        vm.warp(block.timestamp + 200);
        spike(100);
        equal(settleAs(operatorOf(1), callEntry(jobId, 0)), 1, "the first of an epoch costs more");
        uint256 before = jobs.refunds(operatorOf(1)) + jobs.protocolOwed(address(0));
        uint256 poorBefore = jobs.job(poor).escrow;
        vm.recordLogs();
        equal(settleAll(two(poor, rich, 0)), 1, "the rich one");
        check(ineligible()[0] == ITaskManager.Ineligible.Escrow, "the poor one cannot pay");
        check(!jobs.canPay(poor), "which is told");
        uint256 spentTogether = 100 ether - jobs.job(rich).escrow;
        uint256 taken = poorBefore - jobs.job(poor).escrow;
        check(isTaskGas(taken, 100 gwei + TIP), "it pays for having been brought");
        equal(settleAs(operatorOf(1), callEntry(alone, 0)), 1, "one by itself");
        uint256 spentAlone = 100 ether - jobs.job(alone).escrow;
        check(spentTogether <= spentAlone * 103 / 100, "the rich one pays no more than by itself, but for its words");
        uint256 paid = jobs.refunds(operatorOf(1)) + jobs.protocolOwed(address(0)) - before;
        uint256 fees = 2 * uint256(FEE);
        uint256 left = jobs.job(rich).escrow + jobs.job(alone).escrow + jobs.job(poor).escrow;
        equal(200 ether + poorBefore - left, fees + paid, "nothing is lost");
    }

    function test_refused_withoutAnything() public {
        uint64 rich = create(params(), 100 ether);
        uint64 poor = create(params(), 0);
        vm.warp(block.timestamp + 200);
        equal(settleAll(two(poor, rich, 0)), 1, "the rich one");
        equal(jobs.job(poor).escrow, 0, "nothing to take");
        uint256 beside = jobs.refunds(operatorOf(1));
        equal(settleAs(operatorOf(1), callEntry(rich, 1)), 1, "by itself");
        check(beside > jobs.refunds(operatorOf(1)) - beside, "the submitter has it back all the same");
    }

    function test_refused_paysInCoinWhereItsFeeIsAToken() public {
        uint64 rich = create(params(), 100 ether);
        uint64 poor = create(inToken(), 1 ether);
        vm.warp(block.timestamp + 200);
        spike(5000);
        equal(settleAll(two(poor, rich, 0)), 1, "the rich one");
        check(isTokenTaskGas(GAS_FUND - jobs.job(poor).gas, 5000 gwei + TIP), "what it cost");
        equal(jobs.job(poor).escrow, 1 ether, "no token");
        uint256 gas = jobs.job(poor).gas;
        equal(settleAll(two(poor, rich, 1)), 1, "again");
        equal(jobs.job(poor).gas, gas, "once: whoever brings it now could have known");
    }

    /// More of one job that cannot pay, first, last and between: however they lie, nobody gains and the books add up.
    function testFuzz_refused_anyOrder(uint256 order, uint96 escrow, uint8 gwei_) public {
        uint64 rich = create(params(), 100 ether);
        escrow = uint96(uint256(escrow) % (2 * most(PRICE)));
        uint64 poor = create(params(), escrow);
        vm.warp(block.timestamp + 200);
        uint256 base = 1 + uint256(gwei_);
        spike(base);
        Entry[] memory entries = new Entry[](6);
        for (uint64 i = 0; i < 6; ++i) {
            entries[i] = callEntry((order >> i) & 1 == 0 ? poor : rich, i);
            entries[i].status = uint8((order >> (8 + i)) & 1);
        }
        uint256 before = gasleft();
        try this.settleAllHere(entries) {}
        catch (bytes memory reason) {
            check(bytes4(reason) == ITaskManager.NothingToSettle.selector, "no other reason");
            equal(jobs.job(poor).escrow, escrow, "nothing is taken");
            return;
        }
        uint256 used = before - gasleft() + 21_000 + 100_000; // calldata, generously
        check(jobs.refunds(operatorOf(1)) <= used * (base * 1 gwei + TIP), "no more than it cost");
        uint256 spent = 100 ether + escrow - jobs.job(rich).escrow - jobs.job(poor).escrow;
        uint256 paid = jobs.refunds(operatorOf(1)) + jobs.protocolOwed(address(0));
        check(spent >= paid, "out of what the jobs spent");
        equal((spent - paid) % (FEE / 4), 0, "whose rest is fees");
    }

    function settleAllHere(Entry[] memory entries) external returns (uint256) {
        return settleAll(entries);
    }

    /* LOOKING AGAIN */

    /// A job whose mark a high base fee took away, which has since come down.
    function spiked(uint256 escrow) private returns (uint64 id) {
        id = create(params(), escrow);
        vm.warp(block.timestamp + 200);
        spike(1000);
        uint64 rich = create(params(), 100 ether);
        vm.warp(block.timestamp + 200);
        equal(settleAll(two(id, rich, 0)), 1, "the other one");
        check(!jobs.canPay(id), "it cannot pay");
        spike(10);
    }

    function test_look_bringsTheMarkBack() public {
        looksAgain(spiked(10 * most(PRICE)), 70_000);
        looksAgain(spiked(10 * most(PRICE)), 55_000); // it has refunds coming
    }

    function looksAgain(uint64 id, uint256 mostGas) private {
        (uint256 escrow, uint256 back) = (jobs.job(id).escrow, jobs.refunds(operatorOf(2)));
        vm.cool(address(jobs));
        vm.cool(address(registry));
        vm.recordLogs();
        vm.prank(operatorOf(2), operatorOf(2));
        uint256 gas = gasleft();
        jobs.lookAgain(id);
        gas = gas - gasleft() + 21_000 + 600; // and its calldata
        check(said(1) && jobs.canPay(id), "it can");
        check(gas >= LOOK_GAS && gas < mostGas, "nobody gains by it, and nobody loses much");
        equal(jobs.refunds(operatorOf(2)) - back, LOOK_GAS * PRICE, "the operator's gas");
        equal(escrow - jobs.job(id).escrow, LOOK_GAS * PRICE, "out of the job");
        equal(settleAs(operatorOf(1), callEntry(id, 1)), 1, "it runs on");
        vm.expectRevert(abi.encodeWithSelector(IJobManager.PaysAlready.selector, id));
        jobs.lookAgain(id);
    }

    function test_look_ofAStrangerIsFree() public {
        uint64 id = spiked(10 * most(PRICE));
        uint256 escrow = jobs.job(id).escrow;
        vm.prank(STRANGER);
        jobs.lookAgain(id);
        check(jobs.canPay(id), "it can");
        equal(jobs.job(id).escrow, escrow, "at no cost");
        equal(jobs.refunds(STRANGER), 0, "nor gain");
    }

    /// Enough for the run, but not for whoever looks besides.
    function test_look_tooLittle() public {
        uint64 id = create(params(), most(PRICE) + LOOK_GAS * PRICE - 1);
        vm.prank(operatorOf(2), operatorOf(2));
        vm.expectRevert(abi.encodeWithSelector(IJobManager.PaysAlready.selector, id));
        jobs.lookAgain(id);
        vm.warp(block.timestamp + 200);
        uint64 rich = create(params(), 100 ether);
        vm.warp(block.timestamp + 200);
        spike(1000);
        equal(settleAll(two(id, rich, 0)), 1, "the other one");
        uint256 escrow = jobs.job(id).escrow;
        // what the refusal took comes back, and leaves a wei too little for both
        uint256 missing = most(PRICE) + LOOK_GAS * PRICE - 1 - escrow;
        vm.prank(CREATOR);
        jobs.fund{value: missing}(id, missing);
        check(!jobs.canPay(id), "not at that base fee");
        spike(10);
        vm.prank(operatorOf(2), operatorOf(2));
        vm.expectRevert(abi.encodeWithSelector(IJobManager.CannotPay.selector, id));
        jobs.lookAgain(id);
        equal(jobs.refunds(operatorOf(2)), 0, "nothing for it");
        vm.prank(STRANGER, STRANGER);
        jobs.lookAgain(id);
        check(jobs.canPay(id), "nobody has to be paid");
        uint64 empty = create(params(), 1);
        vm.prank(operatorOf(2), operatorOf(2));
        vm.expectRevert(abi.encodeWithSelector(IJobManager.CannotPay.selector, empty));
        jobs.lookAgain(empty);
    }

    /// One that looks at many in a transaction pays for it once, so nothing of it is given back.
    function test_look_ofAContractIsFree() public {
        uint64 id = spiked(10 * most(PRICE));
        uint256 escrow = jobs.job(id).escrow;
        vm.prank(operatorOf(2), STRANGER);
        jobs.lookAgain(id);
        equal(jobs.job(id).escrow, escrow, "called by another account");
        id = spiked(10 * most(PRICE));
        escrow = jobs.job(id).escrow;
        vm.etch(operatorOf(2), hex"00");
        vm.prank(operatorOf(2), operatorOf(2));
        jobs.lookAgain(id);
        equal(jobs.job(id).escrow, escrow, "with code, be it EIP-7702's");
    }

    /// A job that could pay for one run when it was listed, and since the base fee has risen for none: no submitter brings what settles
    /// nothing, so no settlement takes its mark away, and keepers would make its runs for as long as gas is dear.
    function test_look_takesTheMarkAway() public {
        uint64 id = create(params(), most(PRICE));
        vm.warp(block.timestamp + 200);
        vm.expectRevert(abi.encodeWithSelector(IJobManager.PaysAlready.selector, id));
        jobs.lookAgain(id);
        spike(13);
        vm.cool(address(jobs));
        vm.cool(address(registry));
        uint256 escrow = jobs.job(id).escrow;
        vm.recordLogs();
        vm.prank(operatorOf(2), operatorOf(2));
        uint256 gas = gasleft();
        jobs.lookAgain(id);
        gas = gas - gasleft() + 21_000 + 600;
        check(!said(1) && !jobs.canPay(id), "it cannot");
        check(gas >= LOOK_GAS && gas < 70_000, "nobody gains by it, and nobody loses much");
        equal(jobs.refunds(operatorOf(2)), LOOK_GAS * 13.01 gwei, "the operator's gas");
        equal(escrow - jobs.job(id).escrow, LOOK_GAS * 13.01 gwei, "out of the job");
        vm.prank(operatorOf(2), operatorOf(2));
        vm.expectRevert(abi.encodeWithSelector(IJobManager.CannotPay.selector, id));
        jobs.lookAgain(id);
    }

    /// One that was covered once, and cannot even pay for the look.
    function test_look_takesTheMarkAwayForWhatThereIs() public {
        uint64 id = create(params(), most(PRICE));
        uint64 other = create(inToken(), FEE);
        uint256 escrow = jobs.job(id).escrow;
        vm.warp(block.timestamp + 200);
        spike(100_000);
        vm.prank(operatorOf(2), operatorOf(2));
        jobs.lookAgain(id);
        check(!jobs.canPay(id), "it cannot");
        equal(jobs.refunds(operatorOf(2)), escrow, "what there was");
        equal(jobs.job(id).escrow, 0, "of its escrow");
        vm.prank(operatorOf(2), operatorOf(2));
        jobs.lookAgain(other);
        check(!jobs.canPay(other), "nor that");
        equal(jobs.refunds(operatorOf(2)), escrow + GAS_FUND, "of what is set aside for gas");
        equal(jobs.job(other).gas, 0, "all of it");
        equal(jobs.job(other).escrow, FEE, "no token");
    }

    function test_look_ofAStrangerTakesTheMarkAwayForNothing() public {
        uint64 id = create(params(), most(PRICE));
        uint256 escrow = jobs.job(id).escrow;
        spike(13);
        vm.prank(STRANGER);
        jobs.lookAgain(id);
        check(!jobs.canPay(id), "it cannot");
        equal(jobs.job(id).escrow, escrow, "at no cost");
        spike(10);
        vm.prank(STRANGER);
        jobs.lookAgain(id);
        check(jobs.canPay(id), "and back");
    }

    function test_look_whenItIsResumed() public {
        uint64 id = spiked(10 * most(PRICE));
        vm.startPrank(CREATOR);
        jobs.pause(id);
        vm.warp(block.timestamp + NOTICE + 1 hours);
        jobs.resume(id);
        vm.stopPrank();
        check(jobs.canPay(id), "the base fee has come down");
    }

    function test_look_onlyAtActiveJobs() public {
        vm.expectRevert(abi.encodeWithSelector(IJobManager.WrongStatus.selector, IJobManager.Status.None));
        jobs.lookAgain(99);
        uint64 id = spiked(10 * most(PRICE));
        vm.prank(CREATOR);
        jobs.pause(id);
        vm.expectRevert(abi.encodeWithSelector(IJobManager.WrongStatus.selector, IJobManager.Status.Paused));
        jobs.lookAgain(id);
        vm.prank(CREATOR);
        jobs.cancel(id);
        vm.expectRevert(abi.encodeWithSelector(IJobManager.WrongStatus.selector, IJobManager.Status.Cancelled));
        jobs.lookAgain(id);
    }

    /* AT THE EDGE */

    /// What is set aside for a callback and comes back: no word that it cannot pay before the one that it can.
    function test_edge_oneWord() public {
        (, uint256 gas) = jobs.mostCost(jobId, PRICE);
        uint64 id = create(params(), 2 * uint256(FEE) + 2 * gas - PRICE * 300_000);
        vm.warp(block.timestamp + 200);
        vm.recordLogs();
        equal(settleAs(operatorOf(1), callEntry(id, 0)), 1, "settled");
        bytes[] memory words = logged(IJobManager.JobCovered.selector);
        equal(words.length, 1, "one");
        check(abi.decode(words[0], (bool)) && jobs.canPay(id), "the right one");
    }

    function testFuzz_edge_toldIsTrue(uint96 more, uint8 runs) public {
        (, uint256 gas) = jobs.mostCost(jobId, PRICE);
        uint64 id = create(params(), FEE + gas + uint256(more) % (3 * gas));
        vm.warp(block.timestamp + 200);
        bool told = true;
        for (uint64 run = 0; run < 1 + runs % 4; ++run) {
            vm.recordLogs();
            try this.settleOne(callEntry(id, run)) {} catch {}
            bytes[] memory words = logged(IJobManager.JobCovered.selector);
            check(words.length <= 1, "at most one a settlement");
            if (words.length == 1) told = abi.decode(words[0], (bool));
            check(told == jobs.canPay(id), "what was told last is so");
        }
    }

    function settleOne(Entry memory entry) external {
        settleAs(operatorOf(1), entry);
    }
}
