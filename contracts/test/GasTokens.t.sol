// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IJobManager} from "../src/interfaces/IJobManager.sol";
import {GasOf64, PricedJobManager} from "./Gas.t.sol";
import {Token} from "./Targets.sol";

/// @notice What settling jobs that pay in tokens costs a submitter, and what comes back: they have slots of their own, and a
/// batch that changes its currency writes one more ledger.
/// forge-config: default.isolate = true
/// forge-config: default.evm_version = "osaka"
contract GasTokensTest is GasOf64 {
    Token[] private tokens;

    function newJobManager(address tasksAt, address registryAt, address serviceAt) internal override returns (address) {
        return address(new PricedJobManager(tasksAt, registryAt, serviceAt, NOTICE, TIP));
    }

    function suffix() internal pure override returns (string memory) {
        return "_token_refunded";
    }

    /// The first job of all is `idle`: it pays in a token too.
    function createIdle() internal override returns (uint64) {
        return createIn(0);
    }

    function createIn(uint256 which) private returns (uint64) {
        while (tokens.length <= which) {
            Token token = new Token();
            jobs.setLeastFee(address(token), 1);
            token.mint(CREATOR, 1_000 ether);
            vm.prank(CREATOR);
            token.approve(address(jobs), 1_000 ether);
            tokens.push(token);
        }
        IJobManager.JobParams memory p = params();
        (p.target, p.token) = (address(sink), address(tokens[which]));
        return create(p, 1 ether);
    }

    /// What came back of the last settlement, of what it cost.
    function checkBack(string memory key, uint256 gas) private {
        uint256 back = (jobs.refunds(operatorOf(1)) - refundsBefore) / TIP;
        note(string.concat(key, "_back"), back);
        check(back <= gas, "nobody gains by settling");
        check(back >= gas * 98 / 100, "and nobody loses much");
    }

    /// Runs 0 and 1 of `idle` and the jobs after it: the second settles in a steady state.
    function settleTwice(string memory key, uint256 count, uint8 status) private returns (uint256 gas) {
        vm.warp(block.timestamp + 1000);
        measure(runsOf(count, 0, status), without(ABSENT));
        gas = measure(runsOf(count, 1, status), without(ABSENT));
        note(key, gas);
        checkBack(key, gas);
    }

    function test_oneTaskInToken() public {
        settleTwice("settle_1_n64_token", 1, 0);
    }

    /// Coin and token by turns: each change of the currency is paid for by the task that brings it.
    function test_changesOfCurrency() public {
        for (uint256 i = 1; i < 6; ++i) {
            if (i % 2 == 0) createIdle();
            else createInCoin();
        }
        settleTwice("settle_6_n64_mixed", 6, 0);
    }

    /// A job that cannot pay, first in its token, does not take what the ledger costs away from the one that settles.
    function test_changeToOneThatIsRefused() public {
        createInCoin();
        IJobManager.JobParams memory p = params();
        createIn(1);
        (p.target, p.token) = (address(sink), address(tokens[1]));
        vm.prank(CREATOR);
        uint64 poor = jobs.createJob{value: DEPOSIT}(p, 1 ether, bytes32(uint256(77)));
        createIn(1);
        vm.warp(block.timestamp + 1000);
        Entry[] memory entries = runsOf(5, 0, 0);
        measureAll(entries, without(ABSENT), 4);
        for (uint256 i = 0; i < 5; ++i) {
            entries[i].instanceKey = bytes32(uint256(1));
        }
        // coin, the poor one, and one more in its token
        Entry[] memory some = new Entry[](3);
        (some[0], some[1], some[2]) = (entries[1], entries[3], entries[4]);
        equal(some[1].jobId, poor, "the poor one is the second");
        uint256 gas = measureAll(some, without(ABSENT), 2);
        note("settle_3_n64_one_refused", gas);
        uint256 back = (jobs.refunds(operatorOf(1)) - refundsBefore) / TIP;
        note("settle_3_n64_one_refused_back", back);
        // what the poor one cost by itself is not given back; the ledger of its token, 1,500 gas, is
        check(back <= gas && back >= gas * 944 / 1000, "nobody gains, and nobody loses much");
    }

    function createInCoin() private {
        IJobManager.JobParams memory p = params();
        p.target = address(sink);
        create(p, 1 ether);
    }

    function test_32InOneToken() public {
        for (uint256 i = 1; i < 32; ++i) {
            createIdle();
        }
        settleTwice("settle_32_n64_token", 32, 1);
    }

    /// The audit's B: the first batch of an epoch writes a fresh slot for each currency, no later one does.
    function test_128Tokens() public {
        for (uint256 i = 1; i < 128; ++i) {
            createIn(i);
        }
        vm.warp(block.timestamp + 1000);
        uint256 first = measure(runsOf(128, 0, 1), without(ABSENT));
        note("settle_128_n64_tokens_first", first);
        uint256 later = measure(runsOf(128, 1, 1), without(ABSENT));
        note("settle_128_n64_tokens", later);
        checkBack("settle_128_n64_tokens", later);
        check(later <= 128 * 28_800, "a token of its own costs more gas than it must");
    }
}
