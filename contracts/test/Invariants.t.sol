// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IJobManager} from "../src/interfaces/IJobManager.sol";
import {ITaskManager} from "../src/interfaces/ITaskManager.sol";
import {Test} from "./Vm.sol";
import {World} from "./World.sol";

/// @notice Does what creators, keepers, submitters and anybody may do, in any order, and keeps its own books.
contract Handler is World {
    mapping(uint64 job => mapping(uint64 run => uint256)) public payouts;
    uint256 public settled;
    uint256 public belowQuorum;
    uint256 public paidTwice;

    function jobOf(uint256 pick) private returns (uint64) {
        if (jobs.jobCount() < 4) {
            IJobManager.JobParams memory p = params();
            p.fee = uint96(1 + pick % FEE);
            p.triggerData = abi.encode(block.timestamp + 1, 5);
            return create(p, 10 * uint256(FEE));
        }
        return uint64(1 + pick % jobs.jobCount());
    }

    function doSettle(uint256 pick, uint8 run, uint8 signers, uint8 status) external {
        uint64 id = jobOf(pick);
        ITaskManager.Entry memory entry = callEntry(id, run);
        entry.status = status % 3;
        entry.jobVersion = jobs.job(id).version;
        uint256 bits = signers & ALL;
        if (bits == 0) return;
        ITaskManager.Anchor[] memory anchors = recentAnchors();
        ITaskManager.Certificate memory certificate = certify(anchors, one(entry), bits);
        vm.prank(operatorOf(pick % KEEPERS));
        try tasks.settle(certificate, anchors, one(entry), new bytes32[](0)) returns (uint256 count) {
            if (count == 0) return;
            settled += count;
            if (++payouts[id][run] > 1 && entry.jobVersion == 1) ++paidTwice;
            IJobManagerStake memory stake = stakeOf(certificate.epoch, bits);
            if (stake.signed * 10_000 < stake.total * 6667) ++belowQuorum;
        } catch {}
    }

    struct IJobManagerStake {
        uint256 signed;
        uint256 total;
    }

    function stakeOf(uint32 epoch, uint256 bits) private view returns (IJobManagerStake memory stake) {
        for (uint16 i = 0; i < KEEPERS; ++i) {
            uint256 each = registry.stakeOf(epoch, i);
            stake.total += each;
            if ((bits >> i) & 1 == 1) stake.signed += each;
        }
    }

    function doFund(uint256 pick, uint64 amount) external {
        uint64 id = jobOf(pick);
        vm.deal(address(this), amount);
        try jobs.fund{value: amount}(id, amount) {} catch {}
    }

    function doOwner(uint256 pick, uint8 what, uint96 amount) external {
        uint64 id = jobOf(pick);
        vm.startPrank(CREATOR);
        if (what % 5 == 0) try jobs.pause(id) {} catch {}
        if (what % 5 == 1) try jobs.resume(id) {} catch {}
        if (what % 5 == 2) try jobs.requestWithdrawal(id, amount % (1 + jobs.job(id).escrow)) {} catch {}
        if (what % 5 == 3) try jobs.withdraw(id, CREATOR) {} catch {}
        if (what == 4) try jobs.cancel(id) {} catch {}
        vm.stopPrank();
    }

    function doClaim(uint256 keeper) external {
        uint32[] memory list = allEpochs();
        vm.prank(operatorOf(keeper % KEEPERS));
        try jobs.claim(address(0), list, address(0xcafe)) {} catch {}
    }

    function doStake(uint256 keeper, uint64 stake) external {
        allocations.setDeposit(operatorOf(keeper % KEEPERS), 50 ether + stake);
        try registry.snapshot() {
            vm.roll(block.number + 5);
        } catch {}
    }

    function doClose(uint256 pick) external {
        vm.roll(block.number + 30);
        try jobs.closeEpoch(uint32(1 + pick % registry.currentEpoch()), address(0)) {} catch {}
    }

    function doWait(uint16 time) external {
        vm.warp(block.timestamp + time % 300);
        vm.fee((time % 7) * 0.1 gwei);
        vm.txGasPrice((time % 7) * 0.2 gwei);
    }

    function allEpochs() public view returns (uint32[] memory list) {
        list = new uint32[](registry.currentEpoch());
        for (uint32 i = 0; i < list.length; ++i) {
            list[i] = i + 1;
        }
    }

    /// @notice Escrow of all jobs and everything owed.
    function liabilities() external view returns (uint256 sum) {
        for (uint64 id = 1; id <= jobs.jobCount(); ++id) {
            sum += jobs.job(id).escrow;
        }
        for (uint256 i = 0; i < KEEPERS; ++i) {
            sum += jobs.owed(operatorOf(i), address(0), allEpochs()) + jobs.refunds(operatorOf(i));
        }
        sum += jobs.protocolOwed(address(0));
    }

    function held() external view returns (uint256) {
        return address(jobs).balance;
    }

    /// @notice Whether the newest epoch's total is the sum of its rows.
    function totalCountedOnce() external view returns (bool) {
        uint32 epoch = registry.currentEpoch();
        uint256 all = type(uint256).max >> (256 - KEEPERS);
        return stakeOf(epoch, all).signed == registry.epochInfo(epoch).totalStake;
    }
}

/// forge-config: default.invariant.runs = 16
/// forge-config: default.invariant.depth = 60
contract InvariantsTest is Test {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    Handler private handler;

    function setUp() public {
        handler = new Handler();
        handler.setUp();
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        bytes4[] memory selectors = new bytes4[](7);
        selectors[0] = Handler.doSettle.selector;
        selectors[1] = Handler.doFund.selector;
        selectors[2] = Handler.doOwner.selector;
        selectors[3] = Handler.doClaim.selector;
        selectors[4] = Handler.doStake.selector;
        selectors[5] = Handler.doClose.selector;
        selectors[6] = Handler.doWait.selector;
        targets[0] = FuzzSelector(address(handler), selectors);
    }

    function targetContracts() external view returns (address[] memory list) {
        list = new address[](1);
        list[0] = address(handler);
    }

    function invariant_money() public view {
        check(handler.liabilities() <= handler.held(), "escrow and what is owed are covered");
        equal(handler.paidTwice(), 0, "one payout a task");
        equal(handler.belowQuorum(), 0, "nobody below quorum settles");
        check(handler.totalCountedOnce(), "every stake is counted once");
    }
}
