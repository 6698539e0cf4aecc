// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IJobManager} from "../src/interfaces/IJobManager.sol";
import {FalseToken, Token} from "./Targets.sol";
import {KindWorld} from "./KindWorld.sol";
import {Vm} from "./Vm.sol";

/// @notice The books that the market keeps of its own: what was settled, paid, refunded and told, and what must never happen.
abstract contract MarketBooks is KindWorld {
    struct Money {
        uint256 cost;
        uint256 refunds;
        uint256 settled;
        uint256 mostFees;
        bool isOperator;
        bool isWhole;
    }

    Token public token;
    FalseToken public odd;

    mapping(uint64 job => mapping(uint32 version => mapping(uint256 run => uint256))) internal payouts;
    /// @dev the block in which a job's condition last was settled
    mapping(uint64 job => mapping(uint32 version => uint256)) internal cooledFrom;
    uint256 public settled;
    mapping(IJobManager.Trigger => uint256) public settledOf;
    uint256 public refused;
    uint256 public looked;
    uint256 public refundedInAll;
    /// @dev what must never happen, and how often it did
    uint256 public gained;
    uint256 public unpaid;
    uint256 public paidTwice;
    uint256 public hurried;
    uint256 public lost;
    uint256 public forFree;
    uint256 public overcharged;
    /// @dev what was said last of a job: whether it can pay
    mapping(uint64 job => bool) private told;

    function note(Entry memory entry, uint256 anchor) internal {
        IJobManager.Trigger trigger = jobs.job(entry.jobId).trigger;
        ++settledOf[trigger];
        if (trigger != IJobManager.Trigger.Condition) return;
        uint256 last = cooledFrom[entry.jobId][entry.jobVersion];
        if (last != 0 && anchor < last + COOLDOWN) ++hurried;
        cooledFrom[entry.jobId][entry.jobVersion] = block.number;
    }

    /// Takes note of what was told of jobs.
    function hear() internal {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != IJobManager.JobCovered.selector) continue;
            told[uint64(uint256(logs[i].topics[1]))] = abi.decode(logs[i].data, (bool));
        }
    }

    /// @notice Whether what was told last of each job is what it is.
    function toldRight() external view returns (bool) {
        for (uint64 id = 2; id <= jobs.jobCount(); ++id) {
            if (told[id] != jobs.canPay(id)) return false;
        }
        return true;
    }

    /// What a settlement brought beside what it cost; `charged` in coin, of all jobs.
    function weigh(Money memory money, uint256 charged) internal {
        settled += money.settled;
        if (money.settled == 0) ++refused;
        refundedInAll += money.refunds;
        if (money.refunds > money.cost) ++gained;
        // Slots that the first settlement of an epoch in a currency writes, and the submitter's own.
        uint256 fresh = 160_000 * tx.gasprice;
        // At a price that is refunded in full, whoever brings nothing but what settles gets nearly all of it back.
        bool isRefunded = money.isOperator && tx.gasprice <= block.basefee + TIP;
        if (isRefunded && money.isWhole && money.refunds + fresh < money.cost * 4 / 5) ++unpaid;
        // Out of what jobs paid, and of nothing else; and they pay no more than it cost.
        if (money.refunds > charged) ++forFree;
        if (charged > money.mostFees + (money.cost + fresh) * 5 / 4) ++overcharged;
    }

    /// No run that may still settle is over because a later one has.
    function watchOrder(Entry[] memory entries) internal {
        for (uint256 i = 0; i < entries.length; ++i) {
            IJobManager.Job memory job = jobs.job(entries[i].jobId);
            bool hasRhythm = job.trigger == IJobManager.Trigger.Interval || job.trigger == IJobManager.Trigger.Blocks;
            if (!hasRhythm || job.version != entries[i].jobVersion) continue;
            // what is given up may be over
            if (job.limits.missed != IJobManager.Missed.All) continue;
            uint256 current = job.trigger == IJobManager.Trigger.Blocks ? block.number : block.timestamp;
            // What lies further back than the log holds, a few of them.
            for (uint256 back = 1; back < 8; ++back) {
                uint256 newest = uint256(entries[i].instanceKey);
                if (newest < 63 + back * back) break;
                uint256 run = newest - 63 - back * back;
                if (job.start + run * job.interval + jobs.EXPIRY_SECONDS() < current) continue;
                bool over = jobs.isSettled(entries[i].jobId, job.version, bytes32(run));
                if (over && payouts[entries[i].jobId][job.version][run] == 0) ++lost;
            }
        }
    }

    /// @dev Coin that jobs had and have not any more, but for a constant: what is still there, taken from a lot.
    function spent() internal view returns (uint256 sum) {
        sum = type(uint128).max;
        for (uint64 id = 1; id <= jobs.jobCount(); ++id) {
            IJobManager.Job memory job = jobs.job(id);
            sum -= job.gas + (job.token == address(0) ? job.escrow : 0);
        }
    }

    /// @notice What is owed to anybody in a currency, and what is there of it.
    function books(address money) external view returns (uint256 owed, uint256 there) {
        uint32[] memory list = new uint32[](1);
        list[0] = 1;
        for (uint64 id = 1; id <= jobs.jobCount(); ++id) {
            IJobManager.Job memory job = jobs.job(id);
            if (job.token == money) owed += job.escrow;
            if (money == address(0)) owed += job.gas + job.deposit;
        }
        for (uint256 i = 0; i < KEEPERS; ++i) {
            owed += jobs.owed(operatorOf(i), money, list);
            if (money == address(0)) owed += jobs.refunds(operatorOf(i));
        }
        if (money == address(0)) owed += jobs.refunds(STRANGER);
        owed += jobs.protocolOwed(money);
        there = money == address(0) ? address(jobs).balance : Token(money).balanceOf(address(jobs));
    }
}
