// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IChallenger} from "../src/interfaces/IChallenger.sol";
import {IJobManager} from "../src/interfaces/IJobManager.sol";
import {ITaskManager} from "../src/interfaces/ITaskManager.sol";
import {Challenged} from "./Challenged.sol";
import {KindWorld} from "./KindWorld.sol";
import {Test} from "./Vm.sol";

/// @notice Does what creators, keepers, submitters and anybody may do, in any order, and keeps its own books.
/// Keepers 3 and 4 also sign second answers; the others never do.
contract Handler is Challenged, KindWorld {
    uint256 private constant GUILTY = 3 << 3;
    uint256 private constant HONEST = ALL ^ GUILTY;

    mapping(uint64 job => mapping(uint32 version => mapping(bytes32 key => uint256))) public payouts;
    uint256 public settled;
    uint256 public belowQuorum;
    uint256 public paidTwice;
    uint256 public convicted;
    uint256 public miscounted;

    function jobOf(uint256 pick) private returns (uint64) {
        uint64 count = jobs.jobCount();
        if (count < 8) {
            // the one that is there, two in a rhythm, then one of each other kind
            IJobManager.JobParams memory p = count < 3 ? params() : anyOf(count - 2);
            p.fee = uint96(1 + pick % FEE);
            if (count < 3) p.triggerData = abi.encode(block.timestamp + 1, 5);
            return create(p, 10 * uint256(FEE));
        }
        return uint64(1 + pick % jobs.jobCount());
    }

    function doSettle(uint256 pick, uint8 run, uint8 signers, uint8 status) external {
        uint64 id = jobOf(pick);
        Entry memory entry = keyed(id, pickKey(id, run % 8));
        entry.status = status % 3;
        // anybody, or all members but one, or all of them
        uint256 bits = signers & ALL;
        if (signers < 128) bits = membersOf(registry.currentEpoch()) & ~(1 << signers % 8);
        if (bits == 0) return;
        ITaskManager.Anchor[] memory anchors = recentAnchors();
        ITaskManager.Certificate memory certificate = certify(anchors, one(entry), bits);
        vm.prank(operatorOf(pick % KEEPERS), operatorOf(pick % KEEPERS));
        try tasks.settle(certificate, batchOf(anchors, one(entry), new bytes32[](0))) returns (uint256 count) {
            if (count == 0) return;
            settled += count;
            if (++payouts[id][entry.jobVersion][entry.instanceKey] > 1) ++paidTwice;
            Stake memory stake = stakeOf(certificate.epoch, bits & ~registry.ejected(certificate.epoch));
            if (stake.signed * 10_000 < stake.total * 6667) ++belowQuorum;
        } catch {}
    }

    /// Few, so that the same one comes again.
    function pickKey(uint64 id, uint256 run) private view returns (bytes32) {
        IJobManager.Trigger trigger = jobs.job(id).trigger;
        if (trigger == IJobManager.Trigger.Cron) return bytes32(block.timestamp / MINUTE - run);
        if (trigger == IJobManager.Trigger.Log) return keccak256(abi.encode("log", run));
        if (trigger != IJobManager.Trigger.Condition) return bytes32(run);
        return keccak256(abi.encode("block", recentAnchors()[0].number - run % 2));
    }

    struct Stake {
        uint256 signed;
        uint256 total;
    }

    function stakeOf(uint32 epoch, uint256 bits) private view returns (Stake memory stake) {
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
        if (what % 5 == 2) try jobs.requestWithdrawal(id, amount % (1 + jobs.job(id).escrow), 0) {} catch {}
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
        open();
    }

    /// Keepers leave, come back, and come back from an ejection.
    function doMembership(uint256 keeper) external {
        address operator = operatorOf(keeper % KEEPERS);
        bool wasIn = registry.operatorInfo(operator).registered;
        if (allocations.isMemberOfOperatorSet(operator, set())) quit(operator);
        if (!wasIn) {
            registerWith(operator, registration(operator, secretOf(keeper % KEEPERS), peerKeyOf(keeper % KEEPERS)));
        }
        open();
    }

    function open() private {
        uint256 expected = 0;
        for (uint256 i = 0; i < KEEPERS; ++i) {
            if (registry.operatorInfo(operatorOf(i)).registered) expected += stakeNow(i);
        }
        try registry.snapshot() returns (uint32 epoch) {
            if (registry.epochInfo(epoch).totalStake != expected) ++miscounted;
            vm.roll(block.number + 5);
        } catch {}
    }

    /// Anybody brings any two statements. Honest keepers sign one answer at a place, whoever signs with them; the guilty
    /// sign any; and somebody puts words into others' mouths.
    function doAccuse(uint8 company, uint8 answers, uint8 others, bool forged) external {
        uint32 epoch = registry.currentEpoch();
        uint256 members = membersOf(epoch);
        uint256 right = (others | HONEST) & members;
        uint256 wrong = company & GUILTY & members;
        if (right == 0 || wrong == 0) return;
        IChallenger.Statement memory one = statementIn(epoch, report(answers % 8, 1), none(), right);
        IChallenger.Statement memory other =
            statementIn(epoch, report(answers % 8, 1 + uint256(answers >> 4) % 2), none(), wrong);
        if (forged) other.signers[0] |= right;
        vm.prank(REPORTER);
        try challenger.proveEquivocation(epoch, one, other) returns (uint256 count) {
            convicted += count;
        } catch {}
    }

    function membersOf(uint32 epoch) private view returns (uint256 members) {
        for (uint16 i = 0; i < KEEPERS; ++i) {
            if (registry.stakeOf(epoch, i) != 0) members |= 1 << i;
        }
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
            sum += jobs.job(id).escrow + jobs.job(id).gas + jobs.job(id).deposit;
        }
        for (uint256 i = 0; i < KEEPERS; ++i) {
            sum += jobs.owed(operatorOf(i), address(0), allEpochs()) + jobs.refunds(operatorOf(i));
        }
        sum += jobs.protocolOwed(address(0));
    }

    /// @notice How much of the honest keepers' allocations was ever taken.
    function slashedOfHonest() external view returns (uint256 sum) {
        for (uint256 i = 0; i < KEEPERS; ++i) {
            if ((HONEST >> i) & 1 == 1) sum += allocations.deposit(operatorOf(i)) - allocated(i);
        }
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
        bytes4[] memory selectors = new bytes4[](9);
        selectors[0] = Handler.doSettle.selector;
        selectors[1] = Handler.doFund.selector;
        selectors[2] = Handler.doOwner.selector;
        selectors[3] = Handler.doClaim.selector;
        selectors[4] = Handler.doStake.selector;
        selectors[5] = Handler.doClose.selector;
        selectors[6] = Handler.doWait.selector;
        selectors[7] = Handler.doAccuse.selector;
        selectors[8] = Handler.doMembership.selector;
        targets[0] = FuzzSelector(address(handler), selectors);
    }

    function targetContracts() external view returns (address[] memory list) {
        list = new address[](1);
        list[0] = address(handler);
    }

    function invariant_all() public view {
        check(handler.liabilities() <= handler.held(), "escrow and what is owed are covered");
        equal(handler.paidTwice(), 0, "one payout a task");
        equal(handler.belowQuorum(), 0, "nobody below quorum settles");
        equal(handler.slashedOfHonest(), 0, "nothing is taken from an honest keeper");
        equal(handler.miscounted(), 0, "an epoch's total is the stake of those registered");
        check(handler.totalCountedOnce(), "every stake is counted once");
    }

    /// Else the promises above would hold for want of anything happening. A plain sequence, so that it cannot fail by luck.
    function test_handlerReachesWhatItWatches() public {
        for (uint256 i = 0; i < 8; ++i) {
            handler.doFund(i, 1); // makes the jobs
        }
        handler.doWait(299);
        handler.doSettle(0, 0, 7, 0);
        equal(handler.settled(), 1, "tasks settle");
        handler.doAccuse(8, 16, 0, true);
        equal(handler.convicted(), 0, "a forgery convicts nobody");
        handler.doAccuse(8, 16, 31, false);
        equal(handler.convicted(), 1, "the guilty are convicted");
        handler.doSettle(0, 1, 4, 0);
        equal(handler.settled(), 1, "and are missing from the quorum");
        handler.doStake(0, 1 ether);
        handler.doMembership(3);
        handler.doSettle(0, 1, 7, 0);
        equal(handler.settled(), 2, "and life goes on");
        invariant_all();
    }
}
