// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IJobManager} from "../src/interfaces/IJobManager.sol";
import {ITaskManager} from "../src/interfaces/ITaskManager.sol";
import {ReportLib} from "../src/libraries/ReportLib.sol";
import {Bomb, Burning, FalseToken, Reverting, Sink, Token} from "./Targets.sol";
import {KindWorld} from "./KindWorld.sol";
import {Vm} from "./Vm.sol";

/// @notice Settling as a market: jobs that are due by all kinds of triggers, with and without an end; creators who pay in coin, in a token, and in one that refuses to move; targets that fail, burn gas
/// and return bombs; keepers and strangers who bring batches whole, in parts and out of order; prices that rise and fall.
/// Keeps books of its own. Gas is priced in: what a transaction costs is worked out from its gas and its calldata.
contract Market is KindWorld {
    uint256 private constant MOST_JOBS = 10;
    uint96 private constant LEAST = 1_000;

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
    address[4] private targets;

    mapping(uint64 job => mapping(uint32 version => mapping(uint256 run => uint256))) private payouts;
    /// @dev the block in which a job's condition last was settled
    mapping(uint64 job => mapping(uint32 version => uint256)) private cooledFrom;
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

    function setUp() public override {
        super.setUp();
        (token, odd) = (new Token(), new FalseToken());
        token.mint(CREATOR, type(uint128).max);
        odd.mint(CREATOR, type(uint128).max);
        vm.startPrank(CREATOR);
        token.approve(address(jobs), type(uint256).max);
        odd.approve(address(jobs), type(uint256).max);
        vm.stopPrank();
        jobs.setLeastFee(address(token), LEAST);
        jobs.setLeastFee(address(odd), LEAST);
        targets = [address(new Sink()), address(new Reverting()), address(new Burning()), address(new Bomb())];
        price(1, 0);
        vm.deal(CREATOR, 1e9 ether);
        vm.recordLogs();
    }

    /* CREATORS */

    function doList(uint256 pick, uint96 funding, uint96 gas) external {
        if (jobs.jobCount() >= MOST_JOBS) return;
        IJobManager.JobParams memory p = params();
        p.target = targets[pick % 4];
        p.token = [address(0), address(0), address(token), address(odd)][(pick >> 8) % 4];
        p.fee = uint96(LEAST + (pick >> 16) % 1e15);
        p.callbackGas = 50_000 + uint32(pick >> 80) % 500_000;
        makeDue(p, pick >> 112);
        uint256 value = DEPOSIT + (p.token == address(0) ? funding % 1 ether : gas % 1 ether);
        vm.prank(CREATOR);
        try jobs.createJob{value: value}(p, funding % 1 ether, bytes32(pick)) {
            hear();
        } catch {
            vm.getRecordedLogs(); // what was undone is recorded too
        }
    }

    /// One job in four has a rhythm, the others are of any kind; some have an end.
    function makeDue(IJobManager.JobParams memory p, uint256 pick) private view {
        bool isPunctual = pick % 2 == 1;
        p.triggerData = abi.encode(uint64(block.timestamp + 1), uint32(5 + (pick >> 8) % 90));
        if ((pick >> 16) % 4 != 0) {
            IJobManager.JobParams memory other = anyOf((pick >> 18) % 6);
            (p.trigger, p.triggerData) = (other.trigger, other.triggerData);
        }
        if (isPunctual && p.trigger < IJobManager.Trigger.Blocks) p.punctualSeconds = 30;
        if ((pick >> 24) % 4 == 1) p.until = uint64(block.timestamp + 61 + (pick >> 26) % 3000);
        if ((pick >> 40) % 4 == 1 && p.trigger != IJobManager.Trigger.Cron) p.mostRuns = uint32(1 + (pick >> 42) % 20);
        p.missed = IJobManager.Missed((pick >> 48) % 3);
    }

    function doFund(uint256 pick, uint96 amount, uint96 coin) external {
        if (jobs.jobCount() == 0) return;
        uint64 id = jobOf(pick);
        bool inCoin = jobs.job(id).token == address(0);
        amount %= 1 ether;
        vm.prank(CREATOR);
        try jobs.fund{value: inCoin ? amount : coin % 1 ether}(id, amount) {
            hear();
        } catch {
            vm.getRecordedLogs();
        }
    }

    function doOwner(uint256 pick, uint8 what, uint96 amount) external {
        uint64 id = jobOf(pick);
        IJobManager.Job memory job = jobs.job(id);
        vm.startPrank(CREATOR);
        if (what % 8 == 0) try jobs.pause(id) {} catch {}
        if (what % 8 == 1) try jobs.resume(id) {} catch {}
        if (what % 8 == 2) {
            try jobs.requestWithdrawal(id, amount % (1 + job.escrow), amount % (1 + job.gas)) {} catch {}
        }
        if (what % 8 == 3) {
            try jobs.withdraw(id, CREATOR) {
                hear();
            } catch {
                vm.getRecordedLogs();
            }
        }
        if (what == 4) try jobs.cancel(id) {} catch {}
        if (what % 8 == 5) odd.refuse(amount % 2 == 0);
        vm.stopPrank();
        hear();
    }

    /* SUBMITTERS */

    /// A batch of up to six runs of any jobs, certified by all, brought whole or task by task.
    function doSettle(uint256 picks, uint8 count, uint8 who, bool inParts) external {
        Entry[] memory entries = new Entry[](1 + count % 6);
        for (uint256 i = 0; i < entries.length; ++i) {
            entries[i] = entryOf(picks >> (32 * i));
        }
        ITaskManager.Anchor[] memory anchors = recentAnchors();
        ITaskManager.Certificate memory certificate = certify(anchors, entries, ALL);
        ITaskManager.Batch memory batch = batchOf(anchors, entries, new bytes32[](0));
        address submitter = who % 6 == 5 ? STRANGER : operatorOf(who % 6);
        if (!inParts) return bring(submitter, certificate, batch, entries);
        bytes32[] memory leaves = leavesOf(anchors, entries);
        for (uint256 i = 0; i < entries.length; ++i) {
            ITaskManager.Batch memory part = batchOf(anchors, one(entries[i]), leaves);
            bytes32 kept = leaves[i];
            part.leaves[i] = 0;
            bring(submitter, certificate, part, one(entries[i]));
            leaves[i] = kept;
        }
    }

    /// A run about now: due lately, long ago, or not yet.
    function entryOf(uint256 pick) private view returns (Entry memory entry) {
        uint64 id = jobOf(pick);
        uint256 back = (pick >> 8) % 4 == 0 ? (pick >> 10) % 80 : (pick >> 10) % 3;
        entry = dueBack(id, back);
        entry.status = uint8((pick >> 20) % 3);
    }

    /// One of the few logs that there are; a block in which a condition was seen to hold, at its own anchor or the one after it; or the
    /// run so many before the newest.
    function dueBack(uint64 id, uint256 back) private view returns (Entry memory) {
        IJobManager.Job memory job = jobs.job(id);
        if (job.trigger == IJobManager.Trigger.Log) return keyed(id, keccak256(abi.encode("log", back)));
        if (job.trigger == IJobManager.Trigger.Condition) {
            return keyed(id, keccak256(abi.encode("block", recentAnchors()[0].number - back % 2)));
        }
        uint256 current = job.trigger == IJobManager.Trigger.Blocks ? block.number : block.timestamp;
        uint256 start = job.trigger == IJobManager.Trigger.Cron ? 0 : job.start;
        uint256 newest = job.interval == 0 || current < start ? 0 : (current - start) / job.interval;
        return numbered(id, newest > back ? newest - back : newest + back);
    }

    function bring(
        address submitter,
        ITaskManager.Certificate memory certificate,
        ITaskManager.Batch memory batch,
        Entry[] memory entries
    ) private {
        bytes memory call = abi.encodeCall(tasks.settle, (certificate, batch));
        Money memory money;
        money.refunds = jobs.refunds(submitter);
        money.isOperator = submitter != STRANGER;
        bool[] memory before = new bool[](entries.length);
        for (uint256 i = 0; i < entries.length; ++i) {
            before[i] = isSettled(entries[i]) || comesBefore(entries, i);
            IJobManager.Job memory job = jobs.job(entries[i].jobId);
            if (job.token == address(0)) money.mostFees += job.fee;
        }
        uint256 charged = spent();
        vm.prank(submitter, submitter);
        uint256 gas = gasleft();
        (bool done, bytes memory answer) = address(tasks).call(call);
        gas -= gasleft();
        if (!done) {
            vm.getRecordedLogs();
            return;
        }
        // Contracts and slots that a transaction of its own would find cold, before and after its gas is metered.
        uint256 cold = 10_000;
        money.cost = (gas + cold + 21_000 + ofCalldata(call)) * tx.gasprice;
        money.refunds = jobs.refunds(submitter) - money.refunds;
        money.isWhole = true;
        for (uint256 i = 0; i < entries.length; ++i) {
            bool now_ = isSettled(entries[i]);
            money.isWhole = money.isWhole && now_ && !before[i];
            if (!now_ || before[i]) continue;
            ++money.settled;
            note(entries[i], batch.anchors[0].number);
            if (++payouts[entries[i].jobId][entries[i].jobVersion][uint256(entries[i].instanceKey)] > 1) ++paidTwice;
        }
        // What is settled already, or twice in the batch, settles no more.
        if (abi.decode(answer, (uint256)) != money.settled) ++paidTwice;
        hear();
        weigh(money, spent() - charged);
        watchOrder(entries);
    }

    function note(Entry memory entry, uint256 anchor) private {
        IJobManager.Trigger trigger = jobs.job(entry.jobId).trigger;
        ++settledOf[trigger];
        if (trigger != IJobManager.Trigger.Condition) return;
        uint256 last = cooledFrom[entry.jobId][entry.jobVersion];
        if (last != 0 && anchor < last + COOLDOWN) ++hurried;
        cooledFrom[entry.jobId][entry.jobVersion] = block.number;
    }

    /// Whether the batch holds the same run already.
    function comesBefore(Entry[] memory entries, uint256 place) private pure returns (bool) {
        for (uint256 i = 0; i < place; ++i) {
            if (entries[i].jobId == entries[place].jobId && entries[i].instanceKey == entries[place].instanceKey) {
                return true;
            }
        }
        return false;
    }

    /// Takes note of what was told of jobs.
    function hear() private {
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
    function weigh(Money memory money, uint256 charged) private {
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
    function watchOrder(Entry[] memory entries) private {
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

    function doLook(uint256 pick, uint8 who) external {
        uint64 id = jobOf(pick);
        address caller = who % 6 == 5 ? STRANGER : operatorOf(who % 6);
        uint256 before = jobs.refunds(caller);
        vm.prank(caller, caller);
        uint256 gas = gasleft();
        try jobs.lookAgain(id) {
            ++looked;
        } catch {}
        gas -= gasleft();
        hear();
        // Cold slots are warm here: at least 20,000 gas less.
        if (jobs.refunds(caller) - before > (gas + 21_000 + 600 + 20_000) * tx.gasprice) ++gained;
    }

    function canPay(uint64 id) external view returns (bool) {
        return jobs.canPay(id);
    }

    function doClaim(uint256 keeper, uint8 money) external {
        uint32[] memory list = new uint32[](1);
        list[0] = 1;
        address[3] memory kinds = [address(0), address(token), address(odd)];
        vm.prank(operatorOf(keeper % KEEPERS));
        try jobs.claim(kinds[money % 3], list, address(0xcafe)) {} catch {}
    }

    function doWait(uint16 time, uint16 gwei_, uint16 tip) external {
        pass(time % 120, time % 50);
        price(gwei_ % 400, tip % 4 == 0 ? tip : 0);
    }

    function price(uint256 gwei_, uint256 more) private {
        vm.fee(gwei_ * 1 gwei);
        vm.txGasPrice(gwei_ * 1 gwei + TIP + more * 1 gwei);
    }

    /* BOOKS */

    function jobOf(uint256 pick) private view returns (uint64) {
        return uint64(1 + pick % jobs.jobCount());
    }

    function isSettled(Entry memory entry) private view returns (bool) {
        return jobs.isSettled(entry.jobId, entry.jobVersion, entry.instanceKey);
    }

    function ofCalldata(bytes memory call) private pure returns (uint256 gas) {
        for (uint256 i = 0; i < call.length; ++i) {
            gas += call[i] == 0 ? 4 : 16;
        }
    }

    /// @dev Coin that jobs had and have not any more, but for a constant: what is still there, taken from a lot.
    function spent() private view returns (uint256 sum) {
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
