// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {RunLog} from "../src/libraries/RunLog.sol";
import {Test} from "./Vm.sol";

contract RunLogTest is Test {
    mapping(uint64 => bool) private _settled;

    function test_emptyHasNothingSettled(uint64 run) public pure {
        check(!RunLog.isSettled(0, run), "nothing settled yet");
    }

    function test_runZero() public pure {
        uint256 word = RunLog.settle(0, 0);
        check(RunLog.isSettled(word, 0) && !RunLog.isSettled(word, 1), "run 0 alone");
    }

    function test_lateRunSettlesAfterNewerOne() public pure {
        uint256 word = RunLog.settle(RunLog.settle(0, 10), 12);
        check(!RunLog.isSettled(word, 11), "11 is open");
        word = RunLog.settle(word, 11);
        check(RunLog.isSettled(word, 10) && RunLog.isSettled(word, 11) && RunLog.isSettled(word, 12), "all three");
        check(!RunLog.isSettled(word, 9) && !RunLog.isSettled(word, 13), "and no other");
    }

    function test_windowEdge() public pure {
        uint256 word = RunLog.settle(0, 1000);
        check(!RunLog.isSettled(word, 1000 - 64), "lowest run of the window is open");
        check(RunLog.isSettled(word, 1000 - 65), "below the window is closed");
        word = RunLog.settle(word, 1000 - 64);
        check(RunLog.isSettled(word, 1000 - 64), "and can settle");
        check(RunLog.isSettled(RunLog.settle(word, 1001), 1000 - 64), "then leaves the window, closed");
    }

    function test_farJumpClosesEverythingBelow() public pure {
        uint256 word = RunLog.settle(RunLog.settle(0, 5), 5000);
        check(RunLog.isSettled(word, 5), "far below");
        check(!RunLog.isSettled(word, 4999), "just below");
    }

    /// Against the plainest model there is: a set, and the highest member.
    function test_matchesModel(uint8[64] memory steps) public {
        uint256 word = 0;
        uint64 highest = 0;
        bool any = false;
        for (uint256 i = 0; i < steps.length; ++i) {
            uint64 run =
                steps[i] % 2 == 0 ? highest + steps[i] / 2 : highest - (highest < steps[i] ? highest : steps[i]);
            bool expected = _settled[run] || (any && highest >= 65 && run <= highest - 65);
            check(RunLog.isSettled(word, run) == expected, "model and word agree");
            if (expected) continue;
            word = RunLog.settle(word, run);
            _settled[run] = true;
            if (!any || run > highest) highest = run;
            any = true;
        }
    }

    function test_closes_whatLeavesTheWindowUnsettled() public pure {
        check(!RunLog.closes(0, 64, 0), "nothing is below the window");
        check(RunLog.closes(0, 65, 0) && !RunLog.closes(0, 65, 1), "run 0, unless it has expired");
        uint256 word = RunLog.settle(0, 0);
        check(!RunLog.closes(word, 65, 0) && RunLog.closes(word, 66, 0), "run 0 is settled, run 1 is not");
        word = RunLog.settle(word, 64);
        check(RunLog.closes(word, 66, 0) && !RunLog.closes(word, 65, 0), "run 1 leaves, nothing leaves");
        check(!RunLog.closes(RunLog.settle(word, 1), 66, 0), "settled meanwhile");
        check(!RunLog.closes(word, 63, 0), "a late run moves nothing");
    }

    /// Against the definition: is there a run, not expired, that is open now and closed after?
    function test_closesMatchesTheDefinition(uint8[24] memory steps, uint16 step, uint16 oldest) public pure {
        uint256 word = 0;
        for (uint256 i = 0; i < steps.length; ++i) {
            uint256 next = RunLog.next(word);
            uint256 some = steps[i] % 2 == 0 ? next + steps[i] / 32 : next - (next < steps[i] ? next : steps[i] / 2);
            if (!RunLog.isSettled(word, some)) word = RunLog.settle(word, some);
        }
        uint256 run = RunLog.next(word) + step % 140;
        oldest = uint16(oldest % (run + 10));
        uint256 after_ = RunLog.settle(word, run);
        bool found = false;
        for (uint256 k = oldest; k < run; ++k) {
            found = found || (!RunLog.isSettled(word, k) && RunLog.isSettled(after_, k));
        }
        check(RunLog.closes(word, run, oldest) == found, "the definition and the word agree");
    }
}
