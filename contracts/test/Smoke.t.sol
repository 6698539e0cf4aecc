// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;
import {KindWorld} from "./KindWorld.sol";
import {ITaskManager} from "../src/interfaces/ITaskManager.sol";
contract SmokeTest is KindWorld {
    function test_smoke() public {
        uint64 c = create(cron(), 1 ether);
        uint64 b = create(blocks(block.number + 1, 1), 1 ether);
        uint64 l = create(logs(), 1 ether);
        uint64 h = create(condition(), 1 ether);
        pass(60, 20);
        settles(numbered(c, block.timestamp / 60), "cron");
        settles(numbered(b, 3), "blocks");
        settles(keyed(l, keyOf("log")), "log");
        settles(keyed(h, keyOf("cond")), "cond");
        over(keyed(h, keyOf("cond")), "cond");
        over(keyed(l, keyOf("log")), "log");
        refused(keyed(h, keyOf("cond2")), ITaskManager.Ineligible.NotDue, "cool");
    }
}
