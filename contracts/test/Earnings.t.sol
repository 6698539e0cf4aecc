// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IJobManager} from "../src/interfaces/IJobManager.sol";
import {ITaskManager} from "../src/interfaces/ITaskManager.sol";
import {Token} from "./Targets.sol";
import {World} from "./World.sol";

/// @notice Who earns what, and that all of it is there.
contract EarningsTest is World {
    function epochs(uint32 last) private pure returns (uint32[] memory list) {
        list = new uint32[](last);
        for (uint32 i = 0; i < last; ++i) {
            list[i] = i + 1;
        }
    }

    function owed(uint256 keeper) private view returns (uint256) {
        return jobs.owed(operatorOf(keeper), address(0), epochs(registry.currentEpoch()));
    }

    function claim(uint256 keeper) private returns (uint256) {
        uint32[] memory list = epochs(registry.currentEpoch());
        vm.prank(operatorOf(keeper));
        return jobs.claim(address(0), list, operatorOf(keeper));
    }

    function test_feeIsSplitByStake() public {
        settleRun(jobId, 0, ALL);
        for (uint256 i = 0; i < KEEPERS; ++i) {
            equal(owed(i), NET / 5, "a fifth");
        }
        allocate(operatorOf(0), 5e17);
        registry.snapshot();
        vm.roll(block.number + 5);
        settleRun(jobId, 1, ALL);
        equal(owed(0), NET / 5 + NET / 9, "half the stake of the others in epoch 2");
        equal(owed(1), uint256(NET) / 5 + uint256(NET) * 2 / 9, "the others");
    }

    /// Nobody gains by dropping a signer: the absent keeper's part stays with the job.
    function test_absentEarnNothingAndOthersNoMore() public {
        settleRun(jobId, 0, 15);
        equal(owed(4), 0, "absent");
        equal(owed(0), NET / 5, "no more than with all five");
        equal(jobs.job(jobId).escrow, 1 ether - uint256(FEE - NET) - uint256(NET) * 4 / 5, "the job pays for four");
    }

    function test_claim_paysOnce() public {
        settleRun(jobId, 0, ALL);
        settleRun(jobId, 1, 30);
        equal(claim(0), NET / 5, "one of two tasks");
        equal(operatorOf(0).balance, NET / 5, "received");
        vm.expectRevert(IJobManager.NothingOwed.selector);
        this.claimAs(0);
        settleRun(jobId, 2, ALL);
        equal(claim(0), NET / 5, "what came since");
    }

    function test_claim_namingAnEpochTwicePaysOnce() public {
        settleRun(jobId, 0, ALL);
        uint32[] memory list = new uint32[](3);
        (list[0], list[1], list[2]) = (1, 1, 1);
        vm.prank(operatorOf(0));
        equal(jobs.claim(address(0), list, operatorOf(0)), NET / 5, "once");
    }

    function test_claim_refusals() public {
        uint32[] memory list = epochs(1);
        vm.expectRevert(IJobManager.ZeroRecipient.selector);
        jobs.claim(address(0), list, address(0));
        vm.expectRevert(IJobManager.NothingOwed.selector);
        jobs.claim(address(0), list, address(this));
        settleRun(jobId, 0, ALL);
        vm.expectRevert(IJobManager.NothingOwed.selector);
        jobs.claim(address(0), list, address(this));
    }

    function test_claim_afterLeaving() public {
        settleRun(jobId, 0, ALL);
        quit(operatorOf(3));
        equal(claim(3), NET / 5, "earned is earned");
    }

    function test_tokensAreKeptApart() public {
        Token token = new Token();
        jobs.setLeastFee(address(token), 1);
        token.mint(CREATOR, 1 ether);
        vm.prank(CREATOR);
        token.approve(address(jobs), 1 ether);
        IJobManager.JobParams memory p = params();
        p.token = address(token);
        uint64 id = create(p, 1 ether);
        vm.warp(block.timestamp + 1000);
        Entry[] memory entries = new Entry[](4);
        (entries[0], entries[1]) = (callEntry(jobId, 0), callEntry(id, 0));
        (entries[2], entries[3]) = (callEntry(id, 1), callEntry(jobId, 1));
        equal(settle(entries, ALL), 4, "a batch in two currencies");
        equal(owed(0), 2 * uint256(NET) / 5, "coin");
        equal(jobs.owed(operatorOf(0), address(token), epochs(1)), 2 * uint256(NET) / 5, "token");
        vm.prank(operatorOf(0));
        jobs.claim(address(token), epochs(1), address(0xcafe));
        equal(token.balanceOf(address(0xcafe)), 2 * uint256(NET) / 5, "paid in the token");
        equal(owed(0), 2 * uint256(NET) / 5, "the coin is untouched");
    }

    /// The price is rounded up task by task: parts of many tiny fees add up to whole wei, and those must be there.
    function test_priceIsRoundedUp() public {
        IJobManager.JobParams memory p = params();
        p.fee = 1;
        uint64 id = create(p, 100);
        vm.warp(1_800_002_000);
        for (uint64 run = 0; run < 5; ++run) {
            settleRun(id, run, 15);
        }
        equal(owed(0), 1, "a fifth of five wei");
        equal(jobs.job(id).escrow, 95, "one wei a task");
        check(100 - jobs.job(id).escrow >= owed(0) + owed(1) + owed(2) + owed(3), "covered");
    }

    /// Whatever fees, stakes and absences: what is owed and what is in escrow is there, and when the epoch is closed,
    /// share and dust are the protocol's and not a wei is left over.
    function test_solvency(uint64[6] memory stakes, uint72[4] memory fees, uint8[4] memory signers) public {
        for (uint256 i = 0; i < KEEPERS; ++i) {
            allocations.setDeposit(operatorOf(i), uint128(1 ether) + stakes[i]);
        }
        vm.warp(1_800_100_000);
        registry.snapshot();
        vm.roll(block.number + 5);
        uint256 count = 0;
        for (uint256 i = 0; i < fees.length; ++i) {
            count += settleOdd(1 + fees[i] % 1 ether, signers[i] & ALL);
        }
        vm.expectRevert(abi.encodeWithSelector(IJobManager.EpochOpen.selector, 2));
        jobs.closeEpoch(2, address(0));
        allocations.setDeposit(operatorOf(0), 9 ether);
        vm.warp(block.timestamp + EPOCH_SECONDS);
        registry.snapshot();
        vm.roll(block.number + 257);
        if (count != 0) {
            jobs.closeEpoch(2, address(0));
            vm.expectRevert(IJobManager.NothingOwed.selector);
            jobs.closeEpoch(2, address(0));
        }
        uint256 escrow = 0;
        for (uint64 id = 1; id <= jobs.jobCount(); ++id) {
            escrow += jobs.job(id).escrow + jobs.job(id).deposit;
        }
        for (uint256 i = 0; i < KEEPERS; ++i) {
            if (owed(i) != 0) claim(i);
        }
        equal(address(jobs).balance, escrow + jobs.protocolOwed(address(0)), "nothing left over, nothing missing");
        if (jobs.protocolOwed(address(0)) != 0) jobs.claimProtocol(address(0), address(0xcafe));
        equal(address(jobs).balance, escrow, "escrow is whole after all claims");
    }

    function settleOdd(uint256 fee, uint256 signers) private returns (uint256) {
        uint256 signed = signers == 0 ? 0 : registry.weigh(registry.currentEpoch(), word(signers)).signedStake;
        if (signed * 10_000 < registry.epochInfo(registry.currentEpoch()).totalStake * 6667) return 0;
        IJobManager.JobParams memory p = params();
        p.fee = uint96(fee);
        p.triggerData = abi.encode(block.timestamp + 1, 10);
        uint64 id = create(p, 2 * fee);
        vm.warp(block.timestamp + 1);
        return settleRun(id, 0, signers);
    }

    function word(uint256 bits) private pure returns (uint256[] memory list) {
        list = new uint256[](1);
        list[0] = bits;
    }

    function claimAs(uint256 keeper) external {
        claim(keeper);
    }
}
