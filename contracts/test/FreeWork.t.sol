// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {OwnableUpgradeable} from "@openzeppelin/contracts-upgradeable/access/OwnableUpgradeable.sol";
import {Desk} from "../src/Desk.sol";
import {IJobManager} from "../src/interfaces/IJobManager.sol";
import {FreeWorkWorld} from "./FreeWorkWorld.sol";

// Listing
//   given a token that the owner has not listed     nobody lists a job in it
//   given one taken off the list                    its jobs run on, but get no new terms and no more money
//   given a fee below the least one                 refused, in coin and in each token, also in an update
//   given no deposit                                refused; it comes back when the job has ended, and not before
contract FreeWorkTest is FreeWorkWorld {
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
}
