// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IJobManager} from "../src/interfaces/IJobManager.sol";
import {ITaskManager} from "../src/interfaces/ITaskManager.sol";
import {Counter} from "../src/examples/Counter.sol";
import {Resolved} from "../src/examples/Resolved.sol";
import {Ringer} from "../src/examples/Ringer.sol";
import {Tank} from "../src/examples/Tank.sol";
import {Log, Upkept} from "../src/examples/Upkept.sol";
import {KindWorld} from "./KindWorld.sol";

/// @notice
/// An action brings code, or its target's own words, and nothing else
///   with every kind of trigger
///   what it comes to is called as it is: what the examples say they want, they get
contract ActionsTest is KindWorld {
    function acting(IJobManager.JobParams memory p, IJobManager.Action action, address target, bytes memory data)
        private
        pure
        returns (IJobManager.JobParams memory)
    {
        (p.action, p.target, p.params, p.codeUrl, p.codeHash) = (action, target, data, "", 0);
        return p;
    }

    function delivers(Entry memory entry, bytes memory outcome) private {
        (entry.outcome, entry.codeHash) = (outcome, 0);
        settles(entry, "settled");
        check(deliveredOf(logged(ITaskManager.TaskSettled.selector)[0]), "and accepted");
    }

    function test_code_isOfItsActionAlone() public {
        bytes memory wrong = abi.encodeWithSelector(IJobManager.InvalidCode.selector);
        for (uint256 i = 0; i < 4; ++i) {
            IJobManager.Action action = IJobManager.Action(i);
            bool hasCode = action == IJobManager.Action.Wasm;
            for (uint256 trigger = 0; trigger < 6; ++trigger) {
                IJobManager.JobParams memory p = anyOf(trigger);
                (p.action, p.params) = (action, abi.encode(EMITTER, ""));
                if (!hasCode) refusesTo(abi.encodeCall(jobs.createJob, (p, 0, UNUSED)), wrong);
                (p.codeUrl, p.codeHash) = (hasCode ? "" : "https://a.b/c", hasCode ? CODE_HASH : bytes32(0));
                refusesTo(abi.encodeCall(jobs.createJob, (p, 0, UNUSED)), wrong);
                (p.codeUrl, p.codeHash) = (hasCode ? "https://a.b/c" : "", hasCode ? bytes32(0) : CODE_HASH);
                refusesTo(abi.encodeCall(jobs.createJob, (p, 0, UNUSED)), wrong);
                (p.codeUrl, p.codeHash) = (hasCode ? "https://a.b/c" : "", hasCode ? CODE_HASH : bytes32(0));
                check(jobs.job(create(p, 0)).action == action, "taken");
            }
        }
    }

    function test_upkeep_byTime() public {
        Upkept upkept = new Upkept();
        uint64 id = create(acting(cron(), IJobManager.Action.Upkeep, address(upkept), abi.encode(60)), 1 ether);
        further();
        (bool needed, bytes memory performData) = upkept.checkUpkeep(abi.encode(60));
        check(needed, "never performed");
        delivers(dueRun(id), abi.encodeCall(upkept.performUpkeep, (performData)));
        equal(upkept.counts(jobs.forwarderOf(id)), 1, "performed once");
        equal(upkept.lastHash(), keccak256(performData), "with what it said");
        (needed,) = upkept.checkUpkeep(abi.encode(60));
        check(!needed, "just now");
        further();
        (needed,) = upkept.checkUpkeep(abi.encode(60));
        check(needed, "a minute later");
    }

    function test_upkeep_byLog() public {
        Upkept upkept = new Upkept();
        Ringer ringer = new Ringer();
        IJobManager.JobParams memory p =
            termsOf(IJobManager.Trigger.Log, filter(address(ringer), 1, Ringer.Rang.selector, 0, 0, 16));
        uint64 id = create(acting(p, IJobManager.Action.Upkeep, address(upkept), ""), 1 ether);
        vm.recordLogs();
        ringer.ring(3);
        equal(ringer.rings(), 3, "three logs");
        equal(logged(Ringer.Rang.selector).length, 3, "of its kind");
        for (uint256 number = 1; number <= 3; ++number) {
            Log memory log;
            log.topics = new bytes32[](3);
            (log.topics[0], log.topics[1]) = (Ringer.Rang.selector, bytes32(number));
            (bool needed, bytes memory performData) = upkept.checkLog(log, "");
            check(needed == (number == 2), "the even one");
            Entry memory entry = keyed(id, keccak256(abi.encode("log", number)));
            if (needed) delivers(entry, abi.encodeCall(upkept.performUpkeep, (performData)));
            entry.status = 1;
            if (!needed) settles(entry, "skipped");
        }
        equal(upkept.counts(jobs.forwarderOf(id)), 1, "one of three");
    }

    function test_resolver() public {
        Resolved resolved = new Resolved();
        bytes memory params_ = abi.encode(address(resolved), abi.encodeCall(resolved.checker, ()));
        uint64 id = create(acting(anyOf(0), IJobManager.Action.Resolver, address(resolved), params_), 1 ether);
        further();
        (bool canExec, bytes memory payload) = resolved.checker();
        check(canExec, "it may");
        delivers(dueRun(id), payload);
        equal(resolved.executed(), 1, "executed");
        equal(resolved.counts(jobs.forwarderOf(id)), 1, "by the forwarder");
        (canExec, payload) = resolved.checker();
        check(!canExec, "not at once again");
        equal(payload, "too early", "for that reason");
        vm.expectRevert(abi.encodeWithSelector(Resolved.NotNext.selector, 2));
        resolved.exec(1);
    }

    function test_tank_isRefilled() public {
        Tank tank = new Tank();
        bytes memory data = abi.encode(address(tank), abi.encodeCall(tank.isLow, ()), COOLDOWN);
        bytes memory fill = abi.encodeCall(tank.fill, ());
        IJobManager.JobParams memory p = termsOf(IJobManager.Trigger.Condition, data);
        uint64 id = create(acting(p, IJobManager.Action.Call, address(tank), fill), 1 ether);
        for (uint256 i = 1; i <= 3; ++i) {
            check(!tank.isLow(), "full");
            tank.drain();
            check(tank.isLow(), "low");
            further();
            delivers(dueRun(id), fill);
            equal(tank.counts(jobs.forwarderOf(id)), i, "filled");
        }
        equal(tank.drained(), 3, "as often as drained");
        equal(tank.refilled(), 3, "each time when it was low");
        tank.fill();
        check(tank.refilled() == 3 && tank.counts(address(this)) == 1, "and not when it was not");
    }

    function test_ringer_isACounterToo() public {
        Ringer ringer = new Ringer();
        ringer.record(7);
        equal(ringer.counts(address(this)), 1, "counted");
        equal(Counter(address(ringer)).lastValue(address(this)), 7, "kept");
    }
}
