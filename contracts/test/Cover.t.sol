// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IJobManager} from "../src/interfaces/IJobManager.sol";
import {ITaskManager} from "../src/interfaces/ITaskManager.sol";
import {FreeWorkWorld} from "./FreeWorkWorld.sol";

// The next run (see Covering)
//   given less than it may cost                     the job cannot pay, an event says so, and it settles nothing at that price
//   when a settlement leaves less than that         the same, and the same when it finds less
//   when what was set aside for a callback is back  it counts again
//   given a base fee that has come down             funding with nothing has it looked at again; nobody takes the mark away
contract CoverTest is FreeWorkWorld {
    /* THE NEXT RUN */

    function test_cover_isFeeAndGas() public {
        uint256 needed = most(jobId);
        equal(needed, FEE + PRICE * (450_000 + 10_000 + 5_390 + 6_300 + 8_700 + 4_000 + 100_000), "fee, and the gas of a batch of its own");
        vm.recordLogs();
        uint64 id = create(params(), needed - 1);
        said(0);
        check(!jobs.canPay(id) && !jobs.job(id).covered, "a wei too little");
        vm.deal(address(this), 1);
        vm.recordLogs();
        jobs.fund{value: 1}(id, 1);
        check(said(1) && jobs.canPay(id) && jobs.job(id).covered, "that wei");
        vm.recordLogs();
        jobs.fund(id, 0);
        said(0);
        vm.warp(block.timestamp + 200);
        equal(settleAs(operatorOf(1), callEntry(id, 0)), 1, "it pays for a run");
        check(said(1) == false && !jobs.canPay(id), "and for no other");
    }

    /// The audit's A6: escrow of one wei, certified for ever and never settled. Now no keeper has a reason to look at it.
    function test_cover_oneWei() public {
        uint64 id = create(params(), 1);
        check(!jobs.canPay(id), "it never could pay");
        vm.warp(block.timestamp + 200);
        vm.recordLogs();
        equal(settleAs(operatorOf(1), callEntry(id, 0)), 0, "so it settles nothing");
        check(ineligible()[0] == ITaskManager.Ineligible.Escrow, "for want of money");
        equal(jobs.job(id).escrow, 1, "at no cost");
    }

    /// What the base fee of a moment made too little is too little until somebody has it looked at again.
    function test_cover_aBaseFeeThatRises() public {
        uint64 id = create(params(), most(jobId) + 0.005 ether);
        vm.warp(block.timestamp + 200);
        vm.fee(100 gwei);
        vm.txGasPrice(100.01 gwei);
        vm.recordLogs();
        jobs.fund(id, 0);
        said(0);
        check(jobs.canPay(id), "nobody takes the mark away by looking");
        equal(settleAs(operatorOf(1), callEntry(id, 0)), 0, "too little for gas");
        vm.recordLogs();
        equal(settleAs(operatorOf(1), callEntry(id, 0)), 0, "again");
        said(0);
        check(!jobs.canPay(id), "told once");
        jobs.fund(id, 0);
        check(!jobs.canPay(id), "as long as it is too little");
        vm.fee(10 gwei);
        vm.txGasPrice(PRICE);
        jobs.fund(id, 0);
        check(jobs.canPay(id), "it has come down");
        equal(settleAs(operatorOf(1), callEntry(id, 0)), 1, "and is paid");
    }

    /// A callback's gas is set aside whole, and what it leaves comes back.
    function test_cover_countsWhatCallbacksLeave() public {
        (, uint256 gas) = jobs.mostCost(jobId, PRICE);
        uint64 id = create(params(), 2 * uint256(FEE) + 2 * gas - PRICE * 90_000);
        vm.warp(block.timestamp + 200);
        // what the batch has in common costs half of the most
        vm.recordLogs();
        equal(settleAs(operatorOf(1), callEntry(id, 0)), 1, "settled");
        check(jobs.canPay(id), "with what came back");
    }

    function test_cover_newTerms() public {
        uint64 id = create(params(), most(jobId));
        vm.startPrank(CREATOR);
        jobs.pause(id);
        vm.warp(block.timestamp + NOTICE + 1 hours);
        IJobManager.JobParams memory p = params();
        p.fee = FEE + 1;
        vm.recordLogs();
        jobs.update(id, p);
        vm.stopPrank();
        check(said(1) == false && !jobs.canPay(id), "a higher fee is not there");
    }

    /// C2 again, with a token that is listed: what keepers cannot be paid in is paid in coin.
    function test_cover_tokenJobsNeedCoin() public {
        jobs.setLeastFee(address(token), 1);
        IJobManager.JobParams memory p = inToken(FEE);
        p.callbackGas = 500_000;
        (, uint256 gas) = jobs.mostCost(jobId, PRICE);
        gas += PRICE * 400_000;
        vm.prank(CREATOR);
        uint64 id = jobs.createJob{value: DEPOSIT + gas - 1}(p, 2 * uint256(FEE), UNUSED);
        equal(jobs.job(id).gas, gas - 1, "what comes with the call");
        check(!jobs.canPay(id), "a wei of gas is missing");
        vm.warp(block.timestamp + 200);
        vm.deal(address(this), 1);
        vm.recordLogs();
        jobs.fund{value: 1}(id, 0);
        check(said(1), "anybody may add it");
        vm.recordLogs();
        equal(settleAs(operatorOf(1), callEntry(id, 0)), 1, "settled");
        uint256 back = jobs.refunds(operatorOf(1));
        check(back > PRICE * 200_000, "the submitter is paid");
        equal(jobs.job(id).gas, gas - back, "out of the job's coin");
        check(!jobs.canPay(id), "which may be too little for another");
        vm.prank(CREATOR);
        jobs.fund(id, 10 * uint256(FEE));
        uint64 run = 1;
        while (settleAs(operatorOf(1), callEntry(id, run)) == 1) ++run;
        check(run < 4, "and is soon");
        check(jobs.job(id).gas < back + PRICE * 500_000, "with too little for what a callback may use");
        uint256 paid = jobs.refunds(operatorOf(1)) + jobs.protocolOwed(address(0));
        equal(jobs.job(id).gas + paid, gas, "nor is any of it lost");
        equal(jobs.job(id).escrow, (12 - run) * uint256(FEE), "what does not settle costs nothing");
    }

    /// Refunds come out of each job's own coin, whatever the order of currencies in a batch.
    function test_cover_batchOfBoth() public {
        jobs.setLeastFee(address(token), 1);
        uint64 id = create(inToken(FEE), 1 ether);
        vm.warp(block.timestamp + 200);
        Entry[] memory entries = new Entry[](4);
        for (uint64 i = 0; i < 4; ++i) {
            entries[i] = callEntry(i % 2 == 0 ? jobId : id, i);
            entries[i].status = i < 2 ? 0 : 1;
        }
        ITaskManager.Anchor[] memory anchors = recentAnchors();
        ITaskManager.Certificate memory certificate = certify(anchors, entries, ALL);
        vm.prank(operatorOf(1), operatorOf(1));
        equal(tasks.settle(certificate, batchOf(anchors, entries, new bytes32[](0))), 4, "all");
        uint256 fees = FEE + FEE / 4;
        equal(jobs.job(id).escrow, 1 ether - fees, "fees in the token");
        uint256 paid = 1 ether - fees - jobs.job(jobId).escrow + GAS_FUND - jobs.job(id).gas;
        equal(paid, jobs.refunds(operatorOf(1)) + jobs.protocolOwed(address(0)), "both pay for the gas");
        check(GAS_FUND - jobs.job(id).gas > paid / 3, "alike");
    }
}
