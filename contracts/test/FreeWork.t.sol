// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {OwnableUpgradeable} from "@openzeppelin/contracts-upgradeable/access/OwnableUpgradeable.sol";
import {Desk} from "../src/Desk.sol";
import {IJobManager} from "../src/interfaces/IJobManager.sol";
import {ITaskManager} from "../src/interfaces/ITaskManager.sol";
import {Token} from "./Targets.sol";
import {World} from "./World.sol";

// Listing
//   given a token that the owner has not listed     nobody lists a job in it
//   given one taken off the list                    its jobs run on, but get no new terms and no more money
//   given a fee below the least one                 refused, in coin and in each token, also in an update
//   given no deposit                                refused; it comes back when the job has ended, and not before
// The next run (see Covering)
//   given less than it may cost                     the job cannot pay, an event says so, and it settles nothing at that price
//   when a settlement leaves less than that         the same, and the same when it finds less
//   when what was set aside for a callback is back  it counts again
//   given a base fee that has come down             funding with nothing has it looked at again; nobody takes the mark away
contract FreeWorkTest is World {
    uint256 private constant PRICE = 10.01 gwei; // base fee and tip

    Token private token;

    function setUp() public override {
        super.setUp();
        token = new Token();
        token.mint(CREATOR, 100 ether);
        vm.prank(CREATOR);
        token.approve(address(jobs), 100 ether);
        vm.fee(10 gwei);
        vm.txGasPrice(PRICE);
    }

    function refuses(IJobManager.JobParams memory p, uint256 value, bytes memory reason) private {
        vm.prank(CREATOR);
        vm.expectRevert(reason);
        jobs.createJob{value: value}(p, 0, UNUSED);
    }

    function inToken(uint96 fee) private view returns (IJobManager.JobParams memory p) {
        p = params();
        (p.token, p.fee) = (address(token), fee);
    }

    function settleAs(address submitter, Entry memory entry) private returns (uint256) {
        ITaskManager.Anchor[] memory anchors = recentAnchors();
        ITaskManager.Certificate memory certificate = certify(anchors, one(entry), ALL);
        vm.prank(submitter, submitter);
        return tasks.settle(certificate, batchOf(anchors, one(entry), new bytes32[](0)));
    }

    /// What JobCovered said of a job since vm.recordLogs.
    function said(uint256 count) private returns (bool last) {
        bytes[] memory found = logged(IJobManager.JobCovered.selector);
        equal(found.length, count, "words of it");
        if (count != 0) last = abi.decode(found[count - 1], (bool));
    }

    /* LISTING */

    /// The audit's C2: a token of one's own, one of which is in escrow.
    function test_list_onlyTokensOfTheOwners() public {
        refuses(inToken(1), DEPOSIT, abi.encodeWithSelector(IJobManager.TokenNotListed.selector, address(token)));
        jobs.setLeastFee(address(token), 5);
        refuses(inToken(4), DEPOSIT, abi.encodeWithSelector(IJobManager.FeeTooLow.selector, 5));
        uint64 id = create(inToken(5), 1 ether);
        vm.warp(block.timestamp + 200);
        jobs.setLeastFee(address(token), 0);
        refuses(inToken(5), DEPOSIT, abi.encodeWithSelector(IJobManager.TokenNotListed.selector, address(token)));
        equal(settleRun(id, 0, ALL), 1, "what was listed runs on");
        vm.prank(CREATOR);
        vm.expectRevert(abi.encodeWithSelector(IJobManager.TokenNotListed.selector, address(token)));
        jobs.fund(id, 1);
        uint256 before = token.balanceOf(CREATOR);
        vm.startPrank(CREATOR);
        jobs.cancel(id);
        vm.warp(block.timestamp + NOTICE + 1 hours);
        jobs.withdraw(id, CREATOR);
        vm.stopPrank();
        equal(token.balanceOf(CREATOR), before + 1 ether - 5, "its money comes back");
    }

    function test_list_leastFeeOfTheCoin() public {
        jobs.setLeastFee(address(0), FEE);
        IJobManager.JobParams memory p = params();
        p.fee = FEE - 1;
        refuses(p, DEPOSIT, abi.encodeWithSelector(IJobManager.FeeTooLow.selector, FEE));
        p.fee = FEE;
        uint64 id = create(p, 1 ether);
        vm.startPrank(CREATOR);
        jobs.pause(id);
        vm.warp(block.timestamp + NOTICE + 1 hours);
        p = params();
        p.fee = FEE - 1;
        vm.expectRevert(abi.encodeWithSelector(IJobManager.FeeTooLow.selector, FEE));
        jobs.update(id, p);
        vm.stopPrank();
    }

    function test_list_isTheOwners() public {
        bytes memory refusal = abi.encodeWithSelector(OwnableUpgradeable.OwnableUnauthorizedAccount.selector, CREATOR);
        vm.startPrank(CREATOR);
        vm.expectRevert(refusal);
        jobs.setLeastFee(address(token), 1);
        vm.expectRevert(refusal);
        jobs.setListingDeposit(0);
        vm.stopPrank();
        vm.expectRevert(IJobManager.ZeroFee.selector);
        jobs.setLeastFee(address(0), 0);
        vm.expectRevert(abi.encodeWithSelector(IJobManager.NoToken.selector, address(0xbeef)));
        jobs.setLeastFee(address(0xbeef), 1);
        vm.expectRevert(abi.encodeWithSelector(IJobManager.FeeTooHigh.selector, type(uint80).max));
        jobs.setLeastFee(address(token), uint96(type(uint80).max) + 1);
        jobs.setLeastFee(address(token), 7);
        jobs.setListingDeposit(3);
        equal(jobs.leastFee(address(token)), 7, "kept");
        equal(jobs.listingDeposit(), 3, "kept");
    }

    function test_deposit_comesBackWhenTheJobHasEnded() public {
        refuses(params(), DEPOSIT - 1, abi.encodeWithSelector(IJobManager.DepositMissing.selector, DEPOSIT));
        refuses(params(), DEPOSIT + 1, abi.encodeWithSelector(IJobManager.WrongValue.selector));
        uint64 id = create(params(), 0);
        equal(jobs.job(id).deposit, DEPOSIT, "kept");
        jobs.setListingDeposit(5 * DEPOSIT); // for jobs to come
        vm.startPrank(CREATOR);
        vm.expectRevert(IJobManager.NothingRequested.selector);
        jobs.withdraw(id, address(0xcafe));
        jobs.cancel(id);
        vm.warp(block.timestamp + NOTICE + 1 hours - 1);
        vm.expectRevert(IJobManager.NothingRequested.selector);
        jobs.withdraw(id, address(0xcafe));
        vm.warp(block.timestamp + 1);
        jobs.withdraw(id, address(0xcafe));
        equal(address(0xcafe).balance, DEPOSIT, "back");
        vm.expectRevert(IJobManager.NothingRequested.selector);
        jobs.withdraw(id, address(0xcafe));
        vm.stopPrank();
    }

    function test_deposit_allOfAnEndedJobComesBackAtOnce() public {
        jobs.setLeastFee(address(token), 1);
        uint64 id = create(inToken(FEE), 1 ether);
        vm.startPrank(CREATOR);
        jobs.cancel(id);
        vm.warp(block.timestamp + NOTICE + 1 hours);
        jobs.withdraw(id, address(0xcafe));
        vm.stopPrank();
        equal(token.balanceOf(address(0xcafe)), 1 ether, "escrow");
        equal(address(0xcafe).balance, uint256(GAS_FUND) + DEPOSIT, "gas and deposit");
        check(!jobs.canPay(id), "nothing is left");
    }

    /// Coin set aside for gas is announced as escrow is.
    function test_withdraw_gas() public {
        jobs.setLeastFee(address(token), 1);
        uint64 id = create(inToken(FEE), 1 ether);
        vm.startPrank(CREATOR);
        vm.expectRevert(IJobManager.InsufficientEscrow.selector);
        jobs.requestWithdrawal(id, 0, 0);
        vm.expectRevert(IJobManager.InsufficientEscrow.selector);
        jobs.requestWithdrawal(id, 0, uint256(GAS_FUND) + 1);
        vm.recordLogs();
        jobs.requestWithdrawal(id, 0, GAS_FUND);
        check(!said(1) && !jobs.canPay(id), "it pays for no run");
        vm.warp(block.timestamp + 1 hours);
        jobs.withdraw(id, address(0xcafe));
        vm.stopPrank();
        equal(address(0xcafe).balance, GAS_FUND, "gas alone");
        equal(jobs.job(id).escrow, 1 ether, "escrow stays");
        check(!jobs.canPay(id), "and pays for no run");
    }

    /// A withdrawal that may be made at any moment of a day would go before the settlement of a run, whose keepers worked for nothing.
    function test_withdraw_whatIsAnnouncedPaysForNoRun() public {
        uint64 id = create(params(), 1 ether);
        vm.startPrank(CREATOR);
        vm.recordLogs();
        jobs.requestWithdrawal(id, 1 ether - most(id), 0);
        said(0);
        check(jobs.canPay(id), "with what is left");
        vm.recordLogs();
        jobs.requestWithdrawal(id, 1 ether - most(id) + 1, 0);
        check(!said(1) && !jobs.canPay(id), "a wei too little is left");
        vm.stopPrank();
        jobs.fund(id, 0);
        check(!jobs.canPay(id), "whoever asks");
        vm.expectRevert(abi.encodeWithSelector(IJobManager.CannotPay.selector, id));
        jobs.lookAgain(id);
        vm.warp(block.timestamp + 200);
        equal(settleAs(operatorOf(1), callEntry(id, 0)), 1, "what was under way settles still");
        check(!jobs.canPay(id), "what its callback gives back changes nothing");
        vm.recordLogs();
        vm.prank(CREATOR);
        jobs.requestWithdrawal(id, 0, 0);
        check(said(1) && jobs.canPay(id), "it is taken back");
        vm.prank(CREATOR);
        vm.expectRevert(IJobManager.InsufficientEscrow.selector);
        jobs.requestWithdrawal(id, 0, 0);
    }

    function test_withdraw_whatHasLapsedPaysAgain() public {
        uint64 id = create(params(), 1 ether);
        vm.prank(CREATOR);
        jobs.requestWithdrawal(id, 1 ether, 0);
        vm.warp(block.timestamp + 25 hours);
        vm.expectRevert(abi.encodeWithSelector(IJobManager.CannotPay.selector, id));
        jobs.lookAgain(id);
        vm.warp(block.timestamp + 1);
        vm.recordLogs();
        jobs.lookAgain(id);
        check(said(1) && jobs.canPay(id), "the withdrawal has lapsed");
    }

    /// One that left enough, until a run was paid: what the next one may cost stays, for it may be under way.
    function test_withdraw_leavesTheNextRunOfAJobThatCanPay() public {
        uint64 id = create(params(), 1 ether);
        vm.startPrank(CREATOR);
        jobs.requestWithdrawal(id, 1 ether - most(id), 0);
        vm.stopPrank();
        vm.warp(block.timestamp + 1 hours);
        equal(settleAs(operatorOf(1), callEntry(id, 30)), 1, "settled");
        uint256 escrow = jobs.job(id).escrow;
        check(jobs.canPay(id) && escrow < 1 ether, "and it goes on");
        vm.prank(CREATOR);
        jobs.withdraw(id, address(0xcafe));
        equal(address(0xcafe).balance, escrow - most(id), "all but that");
        check(jobs.canPay(id), "as was believed");
        equal(settleAs(operatorOf(1), callEntry(id, 31)), 1, "so it settles");
        // what is over settles no more, and all of it can be taken
        id = create(params(), 1 ether);
        vm.startPrank(CREATOR);
        jobs.pause(id);
        jobs.requestWithdrawal(id, 1 ether - most(id), 0);
        vm.warp(block.timestamp + NOTICE + 1 hours);
        uint256 before = address(0xcafe).balance;
        jobs.withdraw(id, address(0xcafe));
        vm.stopPrank();
        equal(address(0xcafe).balance - before, 1 ether - most(id), "as announced");
    }

    function test_withdraw_leavesTheGasOfAJobThatPaysInAToken() public {
        jobs.setLeastFee(address(token), 1);
        uint64 id = create(inToken(FEE), 1 ether);
        (uint256 fee, uint256 gas) = jobs.mostCost(id, PRICE);
        vm.prank(CREATOR);
        jobs.requestWithdrawal(id, 1 ether - fee, GAS_FUND - gas);
        vm.warp(block.timestamp + 1 hours);
        equal(settleAs(operatorOf(1), callEntry(id, 30)), 1, "settled");
        (uint256 escrow, uint256 coin) = (jobs.job(id).escrow, jobs.job(id).gas);
        vm.prank(CREATOR);
        jobs.withdraw(id, address(0xcafe));
        equal(token.balanceOf(address(0xcafe)), escrow - fee, "the fee stays");
        equal(address(0xcafe).balance, coin - gas, "and the gas");
        equal(settleAs(operatorOf(1), callEntry(id, 31)), 1, "so it settles");
    }

    /// Code of the JobManager: of its own it takes nothing.
    function test_desk_alone() public {
        Desk desk = new Desk(address(tasks), address(registry), address(service), NOTICE, TIP);
        vm.expectRevert(IJobManager.OnlyJobManager.selector);
        desk.createJob{value: 1}(params(), 1, 0);
        vm.expectRevert(IJobManager.OnlyJobManager.selector);
        desk.fund{value: 1}(1, 1);
        vm.expectRevert(IJobManager.OnlyJobManager.selector);
        desk.setLeastFee(address(0), 1);
    }

    /* THE NEXT RUN */

    function most(uint64 id) private view returns (uint256) {
        (uint256 fee, uint256 gas) = jobs.mostCost(id, PRICE);
        return fee + gas;
    }

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
