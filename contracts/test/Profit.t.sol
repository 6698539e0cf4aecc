// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Challenger} from "../src/Challenger.sol";
import {IChallenger} from "../src/interfaces/IChallenger.sol";
import {ReportLib} from "../src/libraries/ReportLib.sol";
import {Challenged} from "./Challenged.sol";
import {Test} from "./Vm.sol";

/// @dev Whatever it is paid, it asks for again from within; and it brings the proofs it is given.
contract Greedy {
    Challenger private immutable _challenger;

    constructor(Challenger challenger) {
        _challenger = challenger;
    }

    function bring(bytes calldata call) external payable {
        (bool done,) = address(_challenger).call{value: msg.value}(call);
        if (!done) payable(msg.sender).transfer(msg.value);
    }

    function collect() public {
        try _challenger.claim(address(this)) {} catch {}
    }

    receive() external payable {
        collect();
    }
}

/// @notice Everybody who can earn from the Challenger, in any order. Keepers 0 and 1 are honest: one answer at a place, the
/// right one, but for runs from 6 on, where a fault that all share makes it the wrong one. The others sign anything, under
/// any epoch, of tasks that are and are not; and bring it themselves, through a contract that calls back.
contract Accusers is Challenged {
    uint256 private constant HONEST = 3;
    uint256 private constant MINIMUM = 1 ether;
    uint64 private constant FAULTY = 6;

    Greedy public greedy;
    uint256 public taken;
    uint256 public upheld;
    uint256 public convicted;

    function setUp() public override {
        super.setUp();
        greedy = new Greedy(challenger);
        vm.deal(address(this), 100 ether);
        challenger.fundBounties{value: 100 ether}();
    }

    /// Bonds of disputes that were not opened.
    receive() external payable {}

    modifier watched() {
        uint256 before = stakes();
        _;
        taken += before - stakes();
    }

    function stakes() private view returns (uint256 sum) {
        for (uint256 i = 0; i < KEEPERS; ++i) {
            sum += allocated(i);
        }
    }

    function membersOf(uint32 epoch) private view returns (uint256 members) {
        for (uint16 i = 0; i < KEEPERS; ++i) {
            if (registry.stakeOf(epoch, i) != 0) members |= 1 << i;
        }
    }

    function pickEpoch(uint256 pick) private view returns (uint32) {
        return uint32(1 + pick % registry.currentEpoch());
    }

    /// Two answers, of the right job or none, pinned to a block now or long ago, under any epoch.
    function doAccuse(uint8 company, uint8 run, uint8 where, uint256 epochPick) external watched {
        uint32 epoch = pickEpoch(epochPick);
        uint256 guilty = company & membersOf(epoch) & ~HONEST;
        if (guilty == 0) return;
        ReportLib.Report memory one = report(run % 8, 2);
        ReportLib.Report memory other = report(run % 8, 3);
        if (where % 4 == 1) (one.jobId, other.jobId) = (1 << 40, 1 << 40);
        if (where % 4 == 2) {
            (one.instanceKey, other.instanceKey) = (bytes32(uint256(1 << 50)), bytes32(uint256(1 << 50)));
        }
        uint64 back = uint64(where) * 2;
        one.anchorNumber -= back;
        other.anchorNumber -= back;
        bytes memory call = abi.encodeCall(
            challenger.proveEquivocation,
            (epoch, statementIn(epoch, one, none(), guilty), statementIn(epoch, other, none(), guilty))
        );
        greedy.bring(call);
        uint256 first = 2;
        while ((guilty >> first) & 1 == 0) ++first;
        bytes32 taskId = ReportLib.taskId(one.jobId, one.jobVersion, one.instanceKey);
        if (challenger.isConvicted(operatorOf(first), taskId)) ++convicted;
    }

    function doDispute(uint8 company, uint8 run, uint256 epochPick) external watched {
        uint32 epoch = pickEpoch(epochPick);
        uint256 signers = (company | HONEST) & membersOf(epoch);
        if (signers == 0) return;
        IChallenger.Statement memory made = statementIn(epoch, report(run % 8, 1), none(), signers);
        vm.deal(address(this), BOND);
        greedy.bring{value: BOND}(abi.encodeCall(challenger.openDispute, (epoch, made)));
        uint64 id = challenger.disputeCount();
        if (id != 0) try challenger.joinDispute(id, made) {} catch {}
    }

    /// The honest rule as it is; the others go along with them, or rule anything.
    function doRule(uint256 pick, uint8 company, bool right) external watched {
        if (challenger.disputeCount() == 0) return;
        uint64 id = uint64(1 + pick % challenger.disputeCount());
        IChallenger.Dispute memory about = challenger.dispute(id);
        bool faulty = false;
        for (uint64 run = FAULTY; run < 8; ++run) {
            if (about.taskId == ReportLib.taskId(jobId, 1, bytes32(uint256(run)))) faulty = true;
        }
        uint32 epoch = registry.currentEpoch();
        bytes32 answer = bytes32(uint256(right != faulty ? 1 : 2));
        uint256 signers = membersOf(epoch) & (right ? company | HONEST : ~HONEST);
        if (signers == 0) return;
        try challenger.rule(id, 0, answer, ruling(epoch, id, 0, answer, signers)) {
            if (challenger.dispute(id).status == IChallenger.DisputeStatus.Upheld) ++upheld;
        } catch {}
    }

    function doEnd(uint256 pick) external watched {
        if (challenger.disputeCount() == 0) return;
        uint64 id = uint64(1 + pick % challenger.disputeCount());
        try challenger.enforce(id) {} catch {}
        try challenger.expire(id) {} catch {}
        greedy.collect();
    }

    /// Whoever is out comes back, after the time that the core would have it wait.
    function doComeBack(uint8 keeper) external {
        address operator = operatorOf(keeper % KEEPERS);
        if (registry.operatorInfo(operator).registered) return;
        if (allocations.isMemberOfOperatorSet(operator, set())) quit(operator);
        vm.roll(block.number + allocations.DEALLOCATION_DELAY() + 1);
        try this.comeBack(keeper % KEEPERS) {} catch {}
    }

    function comeBack(uint256 keeper) external {
        registerWith(operatorOf(keeper), registration(operatorOf(keeper), secretOf(keeper), peerKeyOf(keeper)));
    }

    function doSnapshot(uint16 time) external {
        vm.warp(block.timestamp + time % 60);
        try registry.snapshot() {} catch {}
        vm.roll(block.number + 5 + time % 40);
    }

    /* WHAT IS WATCHED */

    function owedInAll() public view returns (uint256) {
        return challenger.owed(address(greedy));
    }

    /// @notice What the greedy have got beside bonds that came back.
    function earned() external view returns (uint256) {
        uint256 back = bondsIn(IChallenger.DisputeStatus.Upheld) + bondsIn(IChallenger.DisputeStatus.Expired);
        return address(greedy).balance + owedInAll() - back;
    }

    function bondsIn(IChallenger.DisputeStatus status) private view returns (uint256 sum) {
        for (uint64 id = 1; id <= challenger.disputeCount(); ++id) {
            if (challenger.dispute(id).status == status) sum += BOND;
        }
    }

    /// @notice A hundredth of what was taken: the most that all rewards together may come to.
    function mostEarned() external view returns (uint256) {
        return taken * REWARD / MINIMUM;
    }

    function isCovered() external view returns (bool) {
        return address(challenger).balance == challenger.pot() + owedInAll() + bondsIn(IChallenger.DisputeStatus.Open);
    }

    /// @notice The least an honest keeper may be left with: a tenth less for each of three wrong results an epoch.
    function honestHaveTheirs() external view returns (bool) {
        uint256 least = 100 ether;
        for (uint32 i = 0; i < 3 * registry.currentEpoch(); ++i) {
            least = least * 9 / 10 - 100;
        }
        return allocated(0) >= least && allocated(1) >= least && registry.operatorInfo(operatorOf(0)).registered
            && registry.operatorInfo(operatorOf(1)).registered;
    }

    function placesAreTheirs() external view returns (bool) {
        for (uint32 epoch = 1; epoch <= registry.currentEpoch(); ++epoch) {
            for (uint16 i = 0; i < KEEPERS; ++i) {
                if (registry.operatorAt(epoch, i) != operatorOf(i)) return false;
            }
            if (registry.ejected(epoch) & ~membersOf(epoch) != 0) return false;
        }
        return true;
    }
}

contract ProfitTest is Test {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    Accusers private accusers;

    function setUp() public {
        accusers = new Accusers();
        accusers.setUp();
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        bytes4[] memory selectors = new bytes4[](6);
        selectors[0] = Accusers.doAccuse.selector;
        selectors[1] = Accusers.doDispute.selector;
        selectors[2] = Accusers.doRule.selector;
        selectors[3] = Accusers.doEnd.selector;
        selectors[4] = Accusers.doComeBack.selector;
        selectors[5] = Accusers.doSnapshot.selector;
        targets[0] = FuzzSelector(address(accusers), selectors);
    }

    function targetContracts() external view returns (address[] memory list) {
        list = new address[](1);
        list[0] = address(accusers);
    }

    function invariant_nobodyProfits() public view {
        check(accusers.earned() <= accusers.mostEarned(), "proofs pay a hundredth of what was taken, at the most");
        check(accusers.isCovered(), "pot, bonds and what is owed are what is there");
        check(accusers.honestHaveTheirs(), "the honest lose nothing but for a shared fault, and little for that");
        check(accusers.placesAreTheirs(), "an index is its operator's, and marks are on rows with stake");
    }

    /// A plain sequence, so that the promises do not hold for want of anything happening.
    function test_accusersReachWhatTheyWatch() public {
        accusers.doAccuse(4, 0, 1, 0);
        equal(accusers.convicted(), 0, "a task that never was convicts nobody");
        accusers.doAccuse(4, 0, 0, 0);
        equal(accusers.convicted(), 1, "one that was does");
        accusers.doEnd(0);
        check(accusers.earned() != 0, "it pays");
        accusers.doSnapshot(30);
        accusers.doDispute(31, 7, 1);
        accusers.doRule(0, 31, true);
        equal(accusers.upheld(), 1, "is upheld");
        uint256 before = accusers.taken();
        accusers.doEnd(0);
        check(accusers.taken() > before, "and enforced");
        invariant_nobodyProfits();
    }
}
