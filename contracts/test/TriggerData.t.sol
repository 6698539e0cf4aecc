// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IJobManager} from "../src/interfaces/IJobManager.sol";
import {KindWorld} from "./KindWorld.sol";

/// @notice
/// A job's data, as hostile as it comes
///   what is not, to the byte, what `abi.encode` makes of values in their ranges is refused, by name
///   against a model that decodes it, checks the ranges and encodes it again, whatever is changed, cut off or added
///   a resolver's parameters likewise
contract TriggerDataTest is KindWorld {
    bytes32 private constant TOPIC = keccak256("Rang(uint256,address)");
    bytes private invalidTrigger = abi.encodeWithSelector(IJobManager.InvalidTrigger.selector);
    bytes private invalidInterval = abi.encodeWithSelector(IJobManager.InvalidInterval.selector);

    function refuses(IJobManager.Trigger trigger, bytes memory data, bytes memory reason) private {
        refusesTo(abi.encodeCall(jobs.createJob, (termsOf(trigger, data), 0, UNUSED)), reason);
    }

    function refuses(IJobManager.Trigger trigger, bytes memory data) private {
        refuses(trigger, data, invalidTrigger);
    }

    function takes(IJobManager.Trigger trigger, bytes memory data) private {
        create(termsOf(trigger, data), 0);
    }

    /* TABLES */

    function test_cron_data() public {
        IJobManager.Trigger cron_ = IJobManager.Trigger.Cron;
        takes(cron_, abi.encode("* * * * *"));
        takes(cron_, abi.encode(string(filled(120, "*"))));
        takes(cron_, abi.encode(string(filled(32, " "))));
        takes(cron_, abi.encode(string(filled(96, "~"))));
        refuses(cron_, "");
        refuses(cron_, abi.encode(""));
        refuses(cron_, abi.encode("* * * * "));
        refuses(cron_, abi.encode(string(filled(121, "*"))));
        refuses(cron_, abi.encode(string(filled(128, "*"))));
        refuses(cron_, "* * * * *");
        refuses(cron_, abi.encode("* * * *\t*"));
        refuses(cron_, abi.encode(string(filled(9, 0x7f))));
        refuses(cron_, abi.encode(string(filled(9, 0x1f))));
        refuses(cron_, abi.encode(string(filled(9, 0x00))));
        refuses(cron_, abi.encode(string(filled(9, 0xff))));
        // elsewhere than where it belongs, of another length than it says, with something after it
        refuses(cron_, abi.encode(uint256(64), 0, 9, bytes32("* * * * *")));
        refuses(cron_, abi.encode(uint256(33), 9, bytes32("* * * * *")));
        refuses(cron_, abi.encode(uint256(32), 10, bytes32("* * * * *")));
        refuses(cron_, abi.encode(uint256(32), 9, bytes32("* * * * * *")));
        refuses(cron_, abi.encode(uint256(32), 33, bytes32("* * * * *")));
        refuses(cron_, abi.encode(uint256(32), 9, bytes32("* * * * *"), 0));
        refuses(cron_, abi.encode(uint256(32), 9));
        refuses(cron_, abi.encode(uint256(32), type(uint256).max, bytes32("* * * * *")));
        refuses(cron_, abi.encode(uint256(32), type(uint256).max - 30, bytes32("* * * * *")));
    }

    function filled(uint256 length, bytes1 with) private pure returns (bytes memory data) {
        data = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            data[i] = with;
        }
    }

    function test_blocks_data() public {
        IJobManager.Trigger blocks_ = IJobManager.Trigger.Blocks;
        uint256 next = block.number + 1;
        takes(blocks_, abi.encode(next, 1));
        takes(blocks_, abi.encode(type(uint40).max, type(uint32).max));
        refuses(blocks_, abi.encode(block.number, 1));
        refuses(blocks_, abi.encode(0, 1));
        refuses(blocks_, abi.encode(uint256(type(uint40).max) + 1, 1));
        refuses(blocks_, abi.encode(type(uint256).max, 1));
        refuses(blocks_, abi.encode(next, 0), invalidInterval);
        refuses(blocks_, abi.encode(next, uint256(type(uint32).max) + 1), invalidInterval);
        refuses(blocks_, abi.encode(next));
        refuses(blocks_, abi.encode(next, 1, 0));
        refuses(blocks_, abi.encodePacked(next, uint64(1)));
        refuses(blocks_, "");
    }

    function logData(uint256 emitter, uint256 which, bytes32[4] memory topics, uint256 depth, uint256 most)
        private
        pure
        returns (bytes memory)
    {
        return abi.encode(emitter, which, topics[0], topics[1], topics[2], topics[3], depth, most);
    }

    function test_log_data() public {
        IJobManager.Trigger log = IJobManager.Trigger.Log;
        bytes32[4] memory none;
        bytes32[4] memory all = [TOPIC, bytes32(0), TOPIC, TOPIC];
        takes(log, logData(1, 0, none, 0, 1));
        takes(log, logData(type(uint160).max, 15, all, 64, 256));
        takes(log, logData(1, 15, none, 0, 1));
        refuses(log, logData(0, 0, none, 0, 1));
        refuses(log, logData(uint256(1) << 160, 0, none, 0, 1));
        refuses(log, logData(1, 16, none, 0, 1));
        refuses(log, logData(1, 256, none, 0, 1));
        refuses(log, logData(1, type(uint256).max, none, 0, 1));
        refuses(log, logData(1, 0, none, 65, 1));
        refuses(log, logData(1, 0, none, uint256(1) << 16, 1));
        refuses(log, logData(1, 0, none, 0, 0));
        refuses(log, logData(1, 0, none, 0, 257));
        refuses(log, logData(1, 0, none, 0, uint256(1) << 16));
        for (uint256 i = 0; i < 4; ++i) {
            bytes32[4] memory one_;
            one_[i] = bytes32(uint256(1));
            takes(log, logData(1, 1 << i, one_, 0, 1));
            refuses(log, logData(1, 15 ^ (1 << i), one_, 0, 1));
        }
        refuses(log, bytes.concat(logData(1, 0, none, 0, 1), hex"00"));
        refuses(log, abi.encode(1, 0, none, 0));
        refuses(log, "");
    }

    function conditionData(uint256 target, uint256 place, uint256 cooldown, bytes memory rest)
        private
        pure
        returns (bytes memory)
    {
        return bytes.concat(abi.encode(target, place, cooldown), rest);
    }

    function test_condition_data() public {
        IJobManager.Trigger condition_ = IJobManager.Trigger.Condition;
        bytes memory call = abi.encode(uint256(4), bytes32(hex"12345678"));
        takes(condition_, conditionData(1, 96, 1, call));
        takes(condition_, abi.encode(EMITTER, "", type(uint32).max));
        takes(condition_, abi.encode(EMITTER, new bytes(4096), 1));
        refuses(condition_, abi.encode(EMITTER, new bytes(4097), 1));
        refuses(condition_, conditionData(0, 96, 1, call));
        refuses(condition_, conditionData(uint256(1) << 160, 96, 1, call));
        refuses(condition_, conditionData(1, 128, 1, bytes.concat(new bytes(32), call)));
        refuses(condition_, conditionData(1, 64, 1, call));
        refuses(condition_, conditionData(1, 96, 0, call), invalidInterval);
        refuses(condition_, conditionData(1, 96, uint256(type(uint32).max) + 1, call), invalidInterval);
        refuses(condition_, conditionData(1, 96, 1, abi.encode(uint256(4), bytes32(hex"1234567801"))));
        refuses(condition_, conditionData(1, 96, 1, abi.encode(uint256(33), bytes32(hex"12345678"))));
        refuses(condition_, conditionData(1, 96, 1, abi.encode(uint256(0), bytes32(0))));
        refuses(condition_, conditionData(1, 96, 1, abi.encode(type(uint256).max, bytes32(0))));
        refuses(condition_, conditionData(1, 96, 1, ""));
        refuses(condition_, "");
    }

    function test_resolver_params() public {
        IJobManager.JobParams memory p = params();
        (p.action, p.codeUrl, p.codeHash) = (IJobManager.Action.Resolver, "", 0);
        bytes[2] memory good = [abi.encode(EMITTER, ""), abi.encode(EMITTER, new bytes(3_900))];
        for (uint256 i = 0; i < good.length; ++i) {
            p.params = good[i];
            create(p, 0);
        }
        bytes[6] memory bad = [
            bytes(""),
            abi.encode(EMITTER),
            abi.encode(uint256(1) << 160, uint256(64), uint256(0)),
            abi.encode(address(0), ""),
            abi.encode(EMITTER, uint256(96), uint256(0)),
            abi.encode(EMITTER, uint256(64), uint256(1), uint256(1))
        ];
        for (uint256 i = 0; i < bad.length; ++i) {
            p.params = bad[i];
            refusesTo(
                abi.encodeCall(jobs.createJob, (p, 0, UNUSED)),
                abi.encodeWithSelector(IJobManager.InvalidAction.selector)
            );
        }
        p.params = abi.encode(EMITTER, new bytes(4_096));
        refusesTo(
            abi.encodeCall(jobs.createJob, (p, 0, UNUSED)), abi.encodeWithSelector(IJobManager.ParamsTooLong.selector)
        );
    }

    /* THE MODEL */

    /// Sound data of a kind, with a byte changed, a part cut off, or something added.
    function test_data_isAsTheModelSays(uint8 kind, uint8 what, uint16 place, bytes1 value, bytes memory more) public {
        IJobManager.JobParams memory p = anyOf(kind % 6);
        bytes memory data = p.triggerData;
        uint256 spot = place % data.length;
        if (what % 4 == 0) data[spot] = value;
        if (what % 4 == 1) data = cut(data, spot);
        if (what % 4 == 2) data = bytes.concat(data, more);
        if (what % 4 == 3) data[32 * (spot / 32) + 31] = value;
        p.triggerData = data;
        bool sound;
        try this.isSound(p.trigger, data) returns (bool answer) {
            sound = answer;
        } catch {}
        vm.prank(CREATOR);
        try jobs.createJob{value: DEPOSIT}(p, 0, UNUSED) returns (uint64 id) {
            check(sound, "taken, though it is not sound");
            check(jobs.job(id).trigger == p.trigger, "as what it is");
        } catch (bytes memory why) {
            check(!sound, "refused, though it is sound");
            bool named = keccak256(why) == keccak256(invalidTrigger) || keccak256(why) == keccak256(invalidInterval);
            check(named, "by name");
        }
    }

    function cut(bytes memory data, uint256 length) private pure returns (bytes memory part) {
        part = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            part[i] = data[i];
        }
    }

    /// Reverts where the data does not even decode.
    function isSound(IJobManager.Trigger trigger, bytes calldata data) external view returns (bool) {
        bytes32 hash = keccak256(data);
        if (trigger == IJobManager.Trigger.Interval || trigger == IJobManager.Trigger.Blocks) {
            (uint64 start, uint32 interval) = abi.decode(data, (uint64, uint32));
            bool ahead = start > (trigger == IJobManager.Trigger.Interval ? block.timestamp : block.number);
            return ahead && start <= type(uint40).max && interval != 0 && hash == keccak256(abi.encode(start, interval));
        }
        if (trigger == IJobManager.Trigger.OneShot) {
            uint64 moment = abi.decode(data, (uint64));
            return moment > block.timestamp && moment <= type(uint40).max && hash == keccak256(abi.encode(moment));
        }
        if (trigger == IJobManager.Trigger.Cron) {
            string memory pattern = abi.decode(data, (string));
            return isPrintable(bytes(pattern)) && hash == keccak256(abi.encode(pattern));
        }
        if (trigger == IJobManager.Trigger.Condition) {
            (address target, bytes memory call, uint32 cooldown) = abi.decode(data, (address, bytes, uint32));
            bool fits = target != address(0) && call.length <= 4096 && cooldown != 0;
            return fits && hash == keccak256(abi.encode(target, call, cooldown));
        }
        return isFilter(data);
    }

    function isPrintable(bytes memory pattern) private pure returns (bool fits) {
        fits = pattern.length >= 9 && pattern.length <= 120;
        for (uint256 i = 0; i < pattern.length; ++i) {
            if (pattern[i] < " " || pattern[i] > "~") fits = false;
        }
    }

    function isFilter(bytes calldata data) private pure returns (bool fits) {
        (address emitter, uint8 which, bytes32[4] memory topics, uint16 depth, uint16 most) =
            abi.decode(data, (address, uint8, bytes32[4], uint16, uint16));
        fits = emitter != address(0) && which < 16 && depth <= 64 && most >= 1 && most <= 256 && data.length == 256;
        for (uint256 i = 0; i < 4; ++i) {
            if (topics[i] != 0 && which & (1 << i) == 0) fits = false;
        }
    }
}
