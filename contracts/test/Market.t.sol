// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IJobManager} from "../src/interfaces/IJobManager.sol";
import {ITaskManager} from "../src/interfaces/ITaskManager.sol";
import {ReportLib} from "../src/libraries/ReportLib.sol";
import {Bomb, Burning, FalseToken, Reverting, Sink, Token} from "./Targets.sol";
import {MarketBooks} from "./MarketBooks.sol";

/// @notice Settling as a market: jobs that are due by all kinds of triggers, with and without an end; creators who pay in coin,
/// in a token, and in one that refuses to move; targets that fail, burn gas and return bombs; keepers and strangers who bring
/// batches whole, in parts and out of order; prices that rise and fall. Gas is priced in: what a transaction costs is worked
/// out from its gas and its calldata.
contract Market is MarketBooks {
    uint256 private constant MOST_JOBS = 13;
    uint96 private constant LEAST = 1_000;

    address[4] private targets;

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
        // beside the one that is there, one of each kind without a moment, with nothing special about it
        for (uint256 kind = uint256(IJobManager.Trigger.Blocks); kind < 6; ++kind) {
            IJobManager.JobParams memory p = anyOf(kind);
            p.target = targets[0];
            create(p, 1 ether);
        }
        hear();
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

    /// Whether the batch holds the same run already.
    function comesBefore(Entry[] memory entries, uint256 place) private pure returns (bool) {
        for (uint256 i = 0; i < place; ++i) {
            if (entries[i].jobId == entries[place].jobId && entries[i].instanceKey == entries[place].instanceKey) {
                return true;
            }
        }
        return false;
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
        pass(time % 120, time % 80);
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
}
