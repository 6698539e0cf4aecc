// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ITaskManager} from "../src/interfaces/ITaskManager.sol";
import {LookWorld} from "./LookWorld.sol";

// A run whose job cannot pay for it at present
//   brought beside others                       costs its job what bringing it cost, as far as there is money; the others nothing
//   given a job without any money               the same, but for that
contract RefusedTest is LookWorld {
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
}
