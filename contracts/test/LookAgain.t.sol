// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IJobManager} from "../src/interfaces/IJobManager.sol";
import {LookWorld} from "./LookWorld.sol";

// Looking again (see Desk)
//   when the base fee has come down             the mark comes back: an operator gets its gas back, out of the job; nobody else does
//   as long as there is too little for both     refused, at no cost
//   given a job that can pay, is paused or over refused
//   when the base fee has risen                 the mark goes, and what that costs is the job's, as far as there is money
// At the edge, where what a callback leaves is enough     one word, and it is the right one
contract LookAgainTest is LookWorld {
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
